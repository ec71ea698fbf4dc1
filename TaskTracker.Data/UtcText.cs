using System.Globalization;

namespace TaskTracker.Data;

/// <summary>Times as everybody outside sees them.</summary>
public static class UtcText
{
    /// <summary>The form: ISO 8601, UTC, to the microsecond as PostgreSQL has it.</summary>
    public const string Pattern = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>Writes a time.</summary>
    /// <param name="time">The time, of whatever offset.</param>
    /// <returns>For example <c>2030-01-31T08:30:00.000000Z</c>.</returns>
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(Pattern, CultureInfo.InvariantCulture);
}
