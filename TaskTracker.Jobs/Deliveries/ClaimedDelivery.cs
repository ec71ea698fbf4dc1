using System.Globalization;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>A delivery whose next attempt is ours for a while, and all that is needed to make it.</summary>
/// <param name="Id">The delivery.</param>
/// <param name="OwnerId">Whose.</param>
/// <param name="Channel">The channel, as it is stored.</param>
/// <param name="Attempt">The number of this attempt, from 1.</param>
/// <param name="CreatedAt">When the delivery was asked for.</param>
/// <param name="TraceParent">The request that caused it.</param>
/// <param name="IsOn">Whether the owner still has the channel on.</param>
/// <param name="Email">The owner's address.</param>
/// <param name="WebhookUrl">The owner's URL.</param>
/// <param name="WebhookSecret">The sealed secret that belongs to it.</param>
/// <param name="NotificationId">What to tell; null for a test.</param>
/// <param name="Kind">The notification's kind, as it is stored.</param>
/// <param name="TaskId">Its task.</param>
/// <param name="Title">The task's title.</param>
/// <param name="Deadline">The task's deadline.</param>
/// <param name="LeadTime">How long before.</param>
internal sealed record ClaimedDelivery(
    long Id,
    int OwnerId,
    string Channel,
    int Attempt,
    DateTimeOffset CreatedAt,
    string? TraceParent,
    bool IsOn,
    string Email,
    string? WebhookUrl,
    string? WebhookSecret,
    long? NotificationId,
    string? Kind,
    long? TaskId,
    string? Title,
    DateTimeOffset? Deadline,
    TimeSpan? LeadTime)
{
    public DeliveryChannel Way => Enum.Parse<DeliveryChannel>(Channel, ignoreCase: true);

    /// <summary>The deadline in words.</summary>
    public string DeadlineText => Deadline is { } deadline
        ? deadline.UtcDateTime.ToString("dddd, d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture)
        : "";
}

/// <summary>An attempt that did not succeed.</summary>
/// <param name="error">A sentence for the owner, without addresses and secrets.</param>
/// <param name="cause">What happened.</param>
internal sealed class DeliveryException(string error, Exception? cause = null) : Exception(error, cause)
{
    /// <summary>Whether another attempt would be pointless.</summary>
    public bool IsFinal { get; init; }

    /// <summary>
    /// Whether the receiver did not answer at all: what else is due to it would only wait in vain as well.
    /// </summary>
    public bool IsUnreachable { get; init; }
}
