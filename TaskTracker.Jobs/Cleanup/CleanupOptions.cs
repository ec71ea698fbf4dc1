using System.ComponentModel.DataAnnotations;

namespace TaskTracker.Jobs.Cleanup;

/// <summary>When expired data is deleted, and what counts as expired. Bound to the configuration section <c>Cleanup</c>.</summary>
internal sealed class CleanupOptions : IValidatableObject
{
    public const string SectionName = "Cleanup";

    private static readonly TimeSpan s_shortest = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3650);

    /// <summary>Where it is 02:00 when the cleanup runs: an IANA id.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>How long notifications are kept.</summary>
    public TimeSpan Notifications { get; set; } = TimeSpan.FromDays(90);

    /// <summary>How long operations are kept after their end; a file that can still be downloaded keeps its own.</summary>
    public TimeSpan Operations { get; set; } = TimeSpan.FromDays(30);

    /// <summary>The zone of <see cref="TimeZone"/>.</summary>
    public TimeZoneInfo FindTimeZone() => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(TimeZone, out var zone) || !zone.HasIanaId)
        {
            yield return new ValidationResult(
                $"{SectionName}:{nameof(TimeZone)} is '{TimeZone}': give a time zone by its IANA id, such as 'Europe/Berlin' or 'UTC'.", [nameof(TimeZone)]);
        }

        foreach (var (name, retention) in new[] { (nameof(Notifications), Notifications), (nameof(Operations), Operations) })
        {
            if (retention < s_shortest || retention > s_longest)
            {
                yield return new ValidationResult(
                    $"{SectionName}:{name} is '{retention}': give a duration from one hour to {s_longest.Days} days, such as '30.00:00:00'.", [name]);
            }
        }
    }
}
