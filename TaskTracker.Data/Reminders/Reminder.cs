using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data.Reminders;

/// <summary>
/// A reminder that has still to go out. It is written with its task in one transaction, moves with the task's deadline,
/// and is deleted by the statement that delivers it: a row here means "not sent yet", and nothing else does.
/// </summary>
public sealed class Reminder
{
    /// <summary>The task to remind of. The row goes with it.</summary>
    public long TaskId { get; set; }

    /// <summary>The task, so that one save can write both before the task has a number.</summary>
    public TaskItem? Task { get; set; }

    /// <summary>How long before the deadline it goes out.</summary>
    public TimeSpan LeadTime { get; set; }

    /// <summary>When it goes out, in UTC: the deadline less <see cref="LeadTime"/>.</summary>
    public DateTimeOffset DueAt { get; set; }

    /// <summary>
    /// The W3C <c>traceparent</c> of the request that caused it, so that the delivery, days later, links back to it.
    /// </summary>
    public string? TraceParent { get; set; }
}

internal sealed class ReminderConfiguration : IEntityTypeConfiguration<Reminder>
{
    public void Configure(EntityTypeBuilder<Reminder> reminder)
    {
        reminder.ToTable("reminders");
        reminder.HasKey(r => new { r.TaskId, r.LeadTime });
        reminder.HasOne(r => r.Task).WithMany().HasForeignKey(r => r.TaskId).OnDelete(DeleteBehavior.Cascade);
        reminder.Property(r => r.TraceParent).HasMaxLength(55);
    }
}
