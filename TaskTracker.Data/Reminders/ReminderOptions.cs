using System.ComponentModel.DataAnnotations;

namespace TaskTracker.Data.Reminders;

/// <summary>When reminders go out. Bound to the configuration section <c>Reminders</c>.</summary>
public sealed class ReminderOptions : IValidatableObject
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "Reminders";

    /// <summary>The most reminders one task may have.</summary>
    public const int MaxLeadTimes = 10;

    /// <summary>How long before a deadline reminders go out, separated by commas, for example <c>7.00:00:00,1.00:00:00</c>.</summary>
    public string LeadTimes { get; set; } = "1.00:00:00";

    /// <summary>What becomes of a reminder whose moment is already past when its task is created or moved.</summary>
    public LateReminder Late { get; set; } = LateReminder.Skip;

    /// <summary>The lead times as durations, longest first, each once.</summary>
    /// <exception cref="FormatException">One of them is not a duration.</exception>
    public IReadOnlyList<TimeSpan> ParseLeadTimes() =>
        [.. LeadTimes.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(text => TimeSpan.Parse(text, System.Globalization.CultureInfo.InvariantCulture))
            .Distinct()
            .OrderDescending()];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        const string Hint = "use durations such as '1.00:00:00' (one day) or '00:15:00', separated by commas";
        IReadOnlyList<TimeSpan> leadTimes = [];
        string? problem = null;
        try
        {
            leadTimes = ParseLeadTimes();
        }
        catch (Exception exception) when (exception is FormatException or OverflowException)
        {
            problem = $"{SectionName}:{nameof(LeadTimes)} is '{LeadTimes}': {Hint}.";
        }

        if (leadTimes.Any(leadTime => leadTime < TimeSpan.Zero || leadTime > TimeSpan.FromDays(365)))
        {
            problem = $"{SectionName}:{nameof(LeadTimes)} is '{LeadTimes}': each must lie between zero and 365 days.";
        }

        if (leadTimes.Count > MaxLeadTimes)
        {
            problem = $"{SectionName}:{nameof(LeadTimes)} names {leadTimes.Count} durations: {MaxLeadTimes} are the most.";
        }

        return problem is null ? [] : [new ValidationResult(problem, [nameof(LeadTimes)])];
    }
}

/// <summary>What becomes of a reminder whose moment is already past when it is planned.</summary>
public enum LateReminder
{
    /// <summary>There is none.</summary>
    Skip,

    /// <summary>It goes out at once.</summary>
    Now,
}
