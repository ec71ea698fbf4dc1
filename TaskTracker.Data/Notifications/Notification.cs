using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data.Notifications;

/// <summary>Something a user was told. One task, kind, deadline and lead time make at most one, whatever runs twice.</summary>
public sealed class Notification : INumbered
{
    /// <summary>The notification's number, given before its transaction commits.</summary>
    public long Id { get; set; }

    /// <summary>Who was told.</summary>
    public int OwnerId { get; set; }

    /// <summary>The task it is about, which may be gone by now.</summary>
    public long TaskId { get; set; }

    /// <summary>What about the task.</summary>
    public NotificationKind Kind { get; set; }

    /// <summary>The task's title when it was told.</summary>
    public required string Title { get; set; }

    /// <summary>The task's deadline when it was told, in UTC.</summary>
    public DateTimeOffset Deadline { get; set; }

    /// <summary>How long before the deadline; zero for <see cref="NotificationKind.Overdue"/>.</summary>
    public TimeSpan LeadTime { get; set; }

    /// <summary>When it was told, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When the user read it, in UTC; null until then.</summary>
    public DateTimeOffset? ReadAt { get; set; }

    /// <summary>The database transaction that inserted it; the database fills it in.</summary>
    public ulong Transaction { get; private set; }

    /// <summary>
    /// The oldest transaction that had not ended when it was inserted; the database fills it in. Numbers are given before
    /// the commit, so lower ones may become visible later: they are from this transaction or a later one.
    /// </summary>
    public ulong OldestOpenTransaction { get; private set; }
}

/// <summary>What a notification is about.</summary>
public enum NotificationKind
{
    /// <summary>The deadline comes near.</summary>
    Reminder,

    /// <summary>The deadline has passed.</summary>
    Overdue,
}

internal sealed class NotificationConfiguration : IEntityTypeConfiguration<Notification>
{
    public void Configure(EntityTypeBuilder<Notification> notification)
    {
        notification.ToTable("notifications");
        notification.HasIndex(n => new { n.TaskId, n.Kind, n.Deadline, n.LeadTime }).IsUnique();
        notification.Property(n => n.Transaction).HasColumnType("xid8").HasDefaultValueSql("pg_current_xact_id()");
        notification.Property(n => n.OldestOpenTransaction).HasColumnType("xid8").HasDefaultValueSql("pg_snapshot_xmin(pg_current_snapshot())");
        notification.Property(n => n.Title).HasMaxLength(TaskItem.TitleMaxLength);
        notification.Property(n => n.Kind).HasConversion(
            kind => kind.ToString().ToLowerInvariant(),
            text => Enum.Parse<NotificationKind>(text, ignoreCase: true));
    }
}
