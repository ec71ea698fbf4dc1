using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using TaskTracker.Data;

namespace TaskTracker.Api.Json;

/// <summary>Times as this API reads, keeps and writes them: ISO 8601, UTC, to the microsecond as PostgreSQL has it.</summary>
internal static class UtcTime
{
    public const string Expected = "Must be an ISO 8601 time such as 2030-01-31T08:30:00Z; without an offset it is taken as UTC.";

    private static readonly string[] Formats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK",
        "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd",
    ];

    public static string Format(DateTimeOffset time) => UtcText.Format(time);

    public static bool TryParse([NotNullWhen(true)] string? text, out DateTimeOffset time)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (!DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, Utc, out time)
            || time > DateTimeOffset.MaxValue - TimeSpan.FromMicroseconds(1))
        {
            return false;
        }

        time = ToMicroseconds(time);
        return true;
    }

    /// <summary>Rounds to what the database keeps, so that an answer shows the same before and after it was stored.</summary>
    public static DateTimeOffset ToMicroseconds(DateTimeOffset time) => new(
        (time.UtcTicks + (TimeSpan.TicksPerMicrosecond / 2)) / TimeSpan.TicksPerMicrosecond * TimeSpan.TicksPerMicrosecond,
        TimeSpan.Zero);

    /// <summary>The time now, to the microsecond.</summary>
    public static DateTimeOffset GetUtcNowToMicroseconds(this TimeProvider clock) => ToMicroseconds(clock.GetUtcNow());
}

/// <summary>Reads and writes <see cref="UtcTime"/>.</summary>
internal sealed class UtcTimeJsonConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && UtcTime.TryParse(reader.GetString(), out var time)
            ? time
            : throw new JsonException(UtcTime.Expected);

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[UtcText.Length];
        UtcText.Format(value, text);
        writer.WriteStringValue(text);
    }
}

/// <summary>A time in a query, read as times in bodies are.</summary>
/// <param name="Time">The time.</param>
public readonly record struct UtcTimeParameter(DateTimeOffset Time)
{
    /// <summary>Reads a time.</summary>
    /// <param name="text">ISO 8601; without an offset it is UTC.</param>
    /// <param name="time">The time.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(string? text, out UtcTimeParameter time)
    {
        var isTime = UtcTime.TryParse(text, out var parsed);
        time = new UtcTimeParameter(parsed);
        return isTime;
    }
}
