using System.Globalization;

namespace TaskTracker.Data;

/// <summary>Times as everybody outside sees them.</summary>
public static class UtcText
{
    /// <summary>The form: ISO 8601, UTC, to the microsecond as PostgreSQL has it.</summary>
    public const string Pattern = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>How many characters that are.</summary>
    public const int Length = 27;

    /// <summary>Writes a time, as UTF-8.</summary>
    /// <param name="time">The time, of whatever offset.</param>
    /// <param name="text">Gets it: <see cref="Length"/> bytes.</param>
    public static void Format(DateTimeOffset time, Span<byte> text)
    {
        // The round-trip form, which needs no pattern read, has one digit more.
        Span<byte> longer = stackalloc byte[Length + 1];
        time.UtcDateTime.TryFormat(longer, out _, "O", CultureInfo.InvariantCulture);
        longer[..(Length - 1)].CopyTo(text);
        text[Length - 1] = (byte)'Z';
    }

    /// <summary>Writes a time.</summary>
    /// <param name="time">The time, of whatever offset.</param>
    /// <returns>For example <c>2030-01-31T08:30:00.000000Z</c>.</returns>
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(Pattern, CultureInfo.InvariantCulture);
}
