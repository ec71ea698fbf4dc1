using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data.Reminders;

/// <summary>Writes the reminders of tasks that have changed, and wakes the jobs service.</summary>
/// <param name="db">The context, in the transaction that changes the tasks.</param>
/// <param name="planner">Decides which reminders there are.</param>
/// <param name="clock">The clock that says which of them are due soon.</param>
public sealed class ReminderWriter(TaskTrackerDbContext db, ReminderPlanner planner, TimeProvider clock)
{
    /// <summary>
    /// Replaces the reminders of tasks whose deadline or completion has changed, and wakes the jobs service where one is
    /// due soon.
    /// </summary>
    /// <param name="tasks">The tasks as they are now.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the reminders are written.</returns>
    public async Task ReplaceAsync(IReadOnlyCollection<TaskItem> tasks, CancellationToken cancellationToken)
    {
        // A delivery may be taking some of these rows just now: whichever is left to delete is deleted.
        long[] ids = [.. tasks.Select(task => task.Id)];
        await db.Reminders.Where(reminder => ids.Contains(reminder.TaskId)).ExecuteDeleteAsync(cancellationToken);

        List<(long Task, Reminder Reminder)> planned = [.. tasks.SelectMany(task => planner.Plan(task).Select(reminder => (task.Id, reminder)))];
        if (planned.Count == 0)
        {
            return;
        }

        long[] of = [.. planned.Select(row => row.Task)];
        TimeSpan[] leadTimes = [.. planned.Select(row => row.Reminder.LeadTime)];
        DateTimeOffset[] dueAt = [.. planned.Select(row => row.Reminder.DueAt)];
        var cause = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;
        await db.Database.ExecuteSqlAsync(
            $"""
            insert into reminders (task_id, lead_time, due_at, trace_parent)
            select task_id, lead_time, due_at, {cause}::text
            from unnest({of}, {leadTimes}, {dueAt}) as planned (task_id, lead_time, due_at)
            on conflict (task_id, lead_time) do update set due_at = excluded.due_at, trace_parent = excluded.trace_parent
            """,
            cancellationToken);

        await WakeAsync(dueAt, cancellationToken);
    }

    /// <summary>Wakes the jobs service with the commit, where a reminder is due before it looks anyway.</summary>
    /// <param name="dueAt">When the reminders that were written are due.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the wake-up is part of the transaction.</returns>
    public async Task WakeAsync(IReadOnlyCollection<DateTimeOffset> dueAt, CancellationToken cancellationToken)
    {
        if (dueAt.Count > 0 && dueAt.Min() is var first && first < clock.GetUtcNow() + WakeUp.RegularLook)
        {
            await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.Channel}, {UtcText.Format(first)})", cancellationToken);
        }
    }
}
