using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Overdue;

/// <summary>
/// Tells owners of tasks that are open although their deadline has passed: once for each deadline, so again only if the
/// deadline was moved and has passed again. The notification itself is what says that its owner was told.
/// </summary>
internal sealed class OverdueCheck(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>The most tasks that one statement, and so one transaction, looks at.</summary>
    public const int BatchSize = 1_000;

    /// <summary>
    /// One statement, so one transaction. What is new is locked and read again before it is told, so that nobody hears of a
    /// task that is being done at this moment; one that somebody else holds is left to the next run.
    /// </summary>
    private static readonly string NotifyBatch =
        $"""
        with overdue as (
            select id, deadline
            from tasks
            where not completed and deadline <= @now and (deadline, id) > (@last_deadline, @last_task)
            order by deadline, id
            limit {BatchSize}
        ), news as (
            select task.*
            from overdue cross join lateral (
                select owner_id, id, title, deadline
                from tasks
                where tasks.id = overdue.id and not completed and deadline = overdue.deadline
                    and not exists (
                        select from notifications
                        where task_id = overdue.id and kind = 'overdue' and deadline = overdue.deadline and lead_time = interval '0')
                for share of tasks skip locked
            ) task
        ), told as (
            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
            select owner_id, id, 'overdue', title, deadline, interval '0', @now from news
            on conflict (task_id, kind, deadline, lead_time) do nothing
            returning id, owner_id, created_at, null::text as trace_parent
        ), {NewDeliveries.Queued}
        select (select count(*)::int from overdue) as "Overdue", (select count(*)::int from told) as "Told",
            deadline as "Deadline", id as "TaskId"
        from overdue
        order by deadline desc, id desc
        limit 1
        """;

    /// <summary>Looks at every overdue task, by deadline, so that one owner's many do not hold up the others'.</summary>
    public async Task<OverdueRun> RunAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var run = new OverdueRun(0, 0);
        var last = new OverdueBatch(0, 0, DateTimeOffset.MinValue, 0);
        do
        {
            // One row, or none at the end.
            var looked = await NotifyBatchAsync(now, last, cancellationToken);
            if (looked.Count == 0)
            {
                break;
            }

            last = looked.Single();
            run = new OverdueRun(run.Overdue + last.Overdue, run.Told + last.Told);
        }
        while (last.Overdue == BatchSize);

        return run;
    }

    private Task<List<OverdueBatch>> NotifyBatchAsync(DateTimeOffset now, OverdueBatch last, CancellationToken cancellationToken) =>
        db.Database.SqlQueryRaw<OverdueBatch>(
            NotifyBatch,
            new NpgsqlParameter("now", now),
            new NpgsqlParameter("last_deadline", last.Deadline),
            new NpgsqlParameter("last_task", last.TaskId)).ToListAsync(cancellationToken);
}

/// <summary>What one run did.</summary>
/// <param name="Overdue">How many tasks are overdue.</param>
/// <param name="Told">How many of them their owners did not know of.</param>
internal sealed record OverdueRun(int Overdue, int Told);

/// <summary>What one statement did, and the task it looked at last.</summary>
internal sealed record OverdueBatch(int Overdue, int Told, DateTimeOffset Deadline, long TaskId);
