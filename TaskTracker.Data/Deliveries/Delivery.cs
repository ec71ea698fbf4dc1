using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Notifications;

namespace TaskTracker.Data.Deliveries;

/// <summary>
/// A notification on its way to a place outside, by one channel. The row is written in the statement that makes the
/// notification, and names no address: it goes where its owner's settings say when it is sent.
/// </summary>
public sealed class Delivery : INumbered
{
    /// <summary>The longest error kept, in characters.</summary>
    public const int LastErrorMaxLength = 300;

    /// <summary>The delivery's number, the same at each attempt; receivers know it again by this.</summary>
    public long Id { get; set; }

    /// <summary>Whose notification it is.</summary>
    public int OwnerId { get; set; }

    /// <summary>The notification, with which the row goes; null for a test message.</summary>
    public long? NotificationId { get; set; }

    /// <summary>How it is sent.</summary>
    public DeliveryChannel Channel { get; set; }

    /// <summary>How far it is.</summary>
    public DeliveryStatus Status { get; set; }

    /// <summary>How many attempts were begun. What an attempt writes holds only while this is still its number.</summary>
    public int Attempt { get; set; }

    /// <summary>
    /// When the next attempt begins, in UTC. Beginning one moves this on by the time it may take: who dies with it loses
    /// it to whoever looks then.
    /// </summary>
    public DateTimeOffset NextAttemptAt { get; set; }

    /// <summary>What went wrong last, for the owner to read.</summary>
    public string? LastError { get; set; }

    /// <summary>The W3C <c>traceparent</c> of the request that caused it.</summary>
    public string? TraceParent { get; set; }

    /// <summary>When it was asked for, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it ended, in UTC; null while it is pending.</summary>
    public DateTimeOffset? FinishedAt { get; set; }
}

/// <summary>A way out of this system.</summary>
public enum DeliveryChannel
{
    /// <summary>A message to the account's e-mail address.</summary>
    Email,

    /// <summary>A signed POST to the user's own URL.</summary>
    Webhook,
}

/// <summary>How far a delivery is.</summary>
public enum DeliveryStatus
{
    /// <summary>It waits for an attempt, or one is under way.</summary>
    Pending,

    /// <summary>The receiver has taken it.</summary>
    Sent,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>Its owner turned the channel off before it was sent.</summary>
    Cancelled,
}

internal sealed class DeliveryConfiguration : IEntityTypeConfiguration<Delivery>
{
    public void Configure(EntityTypeBuilder<Delivery> delivery)
    {
        delivery.ToTable("deliveries");
        delivery.HasOne<User>().WithMany().HasForeignKey(d => d.OwnerId);
        delivery.HasOne<Notification>().WithMany().HasForeignKey(d => d.NotificationId).OnDelete(DeleteBehavior.Cascade);
        delivery.Property(d => d.LastError).HasMaxLength(Delivery.LastErrorMaxLength);
        delivery.Property(d => d.TraceParent).HasMaxLength(55);
        delivery.Property(d => d.Channel).HasConversion(
            channel => channel.ToString().ToLowerInvariant(),
            text => Enum.Parse<DeliveryChannel>(text, ignoreCase: true));
        delivery.Property(d => d.Status).HasConversion(
            status => status.ToString().ToLowerInvariant(),
            text => Enum.Parse<DeliveryStatus>(text, ignoreCase: true));
    }
}
