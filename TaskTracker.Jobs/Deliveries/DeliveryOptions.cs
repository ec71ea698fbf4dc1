using System.ComponentModel.DataAnnotations;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>How stubbornly notifications are sent. Bound to the configuration section <c>Deliveries</c>.</summary>
internal sealed class DeliveryOptions
{
    public const string SectionName = "Deliveries";

    /// <summary>How often a notification is tried in all; with the default of <see cref="FirstRetry"/> eight take about a day.</summary>
    [Range(1, 20, ErrorMessage = $"{SectionName}:{nameof(MaxAttempts)} must be a number from 1 to 20.")]
    public int MaxAttempts { get; set; } = 8;

    /// <summary>How long after the first attempt the second comes; each further wait is four times as long, 8 hours at most.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "08:00:00", ErrorMessage = $"{SectionName}:{nameof(FirstRetry)} must be a duration from 00:00:00.010 to 08:00:00.")]
    public TimeSpan FirstRetry { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many are sent at the same time by each replica.</summary>
    [Range(1, 100, ErrorMessage = $"{SectionName}:{nameof(Parallelism)} must be a number from 1 to 100.")]
    public int Parallelism { get; set; } = 16;
}
