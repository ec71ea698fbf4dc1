using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Reminders;

/// <summary>Delivers the reminders that are due: each row of <c>reminders</c> becomes one notification
/// and a delivery for each channel that its owner has turned on, or is dropped.</summary>
internal sealed class ReminderDelivery(TaskTrackerDbContext db, ReminderTelemetry telemetry, TimeProvider clock)
{
    /// <summary>The most reminders that one statement delivers.</summary>
    public const int BatchSize = 1_000;

    // One statement, so one transaction: a crash before its end leaves every row as it was. A row that does not fit its
    // task any more (done, without deadline, or moved: the deadline lies before the reminder, or further after it than
    // the lead time) is deleted like the others and makes no notification. The interval is compared by subtracting
    // times, which no session's time zone can bend. The joins are full ones, which PostgreSQL always hashes, though 'sent'
    // is a part of 'claimed': it expects a row or so to be due, and would compare each of a thousand with each.
    private const string Deliver =
        $"""
        with due as (
            select task_id, lead_time
            from reminders
            where due_at <= @now
            order by due_at
            limit @batch
            for update skip locked
        ), claimed as (
            delete from reminders using due
            where reminders.task_id = due.task_id and reminders.lead_time = due.lead_time
            returning reminders.task_id, reminders.lead_time, reminders.due_at, reminders.trace_parent
        ), sent as (
            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
            select tasks.owner_id, tasks.id, 'reminder', tasks.title, tasks.deadline, claimed.lead_time, @now
            from claimed join tasks on tasks.id = claimed.task_id
            where not tasks.completed
                and tasks.deadline >= claimed.due_at
                and tasks.deadline - claimed.due_at <= claimed.lead_time
            on conflict (task_id, kind, deadline, lead_time) do nothing
            returning id, owner_id, task_id, lead_time, created_at
        ), told as materialized (
            select sent.id, sent.owner_id, sent.created_at, claimed.trace_parent
            from sent full join claimed using (task_id, lead_time)
        ), {NewDeliveries.Queued}
        select claimed.task_id as "TaskId", claimed.due_at as "DueAt", claimed.trace_parent as "TraceParent",
            sent.task_id is not null as "Sent"
        from claimed full join sent using (task_id, lead_time)
        """;

    /// <summary>Delivers everything that is due and that no other run is delivering, batch by batch.</summary>
    public async Task<ReminderRun> DeliverDueAsync(CancellationToken cancellationToken)
    {
        var claimed = 0;
        var sent = 0;
        while (true)
        {
            var now = clock.GetUtcNow();
            var batch = await DeliverBatchAsync(now, cancellationToken);
            telemetry.Record(batch, startedAt: now, sentAt: clock.GetUtcNow());

            claimed += batch.Count;
            sent += batch.Count(reminder => reminder.Sent);
            if (batch.Count < BatchSize)
            {
                return new ReminderRun(claimed, sent, now);
            }
        }
    }

    /// <summary>When the first reminder after <paramref name="moment"/> falls due, if that is before the next regular look.</summary>
    public Task<DateTimeOffset?> FindNextDueAsync(DateTimeOffset moment, CancellationToken cancellationToken)
    {
        var nextLook = moment + WakeUp.RegularLook;
        return db.Reminders
            .Where(reminder => reminder.DueAt > moment && reminder.DueAt <= nextLook)
            .MinAsync(reminder => (DateTimeOffset?)reminder.DueAt, cancellationToken);
    }

    /// <summary>Whether a reminder has been due for longer than <paramref name="grace"/> while no run holds its row.</summary>
    public async Task<bool> IsAnyOverdueAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        var before = clock.GetUtcNow() - grace;
        var tasks = await db.Database.SqlQuery<long>(
            $"select task_id from reminders where due_at < {before} order by due_at limit 1 for update skip locked").ToListAsync(cancellationToken);
        return tasks.Count > 0;
    }

    private Task<List<ClaimedReminder>> DeliverBatchAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        db.Database.SqlQueryRaw<ClaimedReminder>(Deliver, new NpgsqlParameter("now", now), new NpgsqlParameter("batch", BatchSize))
            .ToListAsync(cancellationToken);
}

/// <summary>What one run did.</summary>
/// <param name="Claimed">The due rows it took away.</param>
/// <param name="Sent">Those that became a notification; the others were no longer wanted.</param>
/// <param name="LookedAt">Up to when: what was due then is delivered, or another run is delivering it.</param>
internal sealed record ReminderRun(int Claimed, int Sent, DateTimeOffset LookedAt);

/// <summary>A due row that was taken away.</summary>
internal sealed record ClaimedReminder(long TaskId, DateTimeOffset DueAt, string? TraceParent, bool Sent);
