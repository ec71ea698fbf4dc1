using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Data.Statistics;

/// <summary>Counts owners' tasks: for one who asks, and for all whose tasks have changed.</summary>
/// <param name="db">The context.</param>
/// <param name="clock">The clock that says what is overdue.</param>
public sealed class StatisticsCounter(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>The statistics of one owner, right at this moment: stored ones if they still hold, else counted now.</summary>
    /// <param name="owner">The owner's number.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The statistics.</returns>
    /// <remarks>What is counted here is not stored: somebody waits for it, and a commit would take longer than the count.</remarks>
    public async Task<TaskStatistics> GetAsync(int owner, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var statistics = await db.TaskStatistics.FromSql(
            $"""
            with stored as materialized (
                select owner_id, total_tasks, completed_tasks, overdue_tasks, next_deadline, updated_at from task_statistics
                where owner_id = {owner}
                    and (next_deadline is null or next_deadline > {now})
                    and not exists (select from statistics_marks where owner_id = {owner})
            )
            select * from stored
            union all
            select {owner}, count(*)::integer, (count(*) filter (where completed))::integer,
                (count(*) filter (where not completed and deadline <= {now}))::integer,
                min(deadline) filter (where not completed and deadline > {now}), {now}
            from tasks where owner_id = {owner} and not exists (select from stored)
            having not exists (select from stored)
            """).AsNoTracking().ToListAsync(cancellationToken);

        return statistics.Single();
    }

    /// <summary>Owners whose stored statistics no longer hold, some of them where they are many.</summary>
    /// <param name="after">Names owners with higher numbers only.</param>
    /// <param name="limit">The most owners to name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Their numbers, the lowest first.</returns>
    public Task<List<int>> FindOutOfDateAsync(int after, int limit, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return db.StatisticsMarks.Select(mark => mark.OwnerId)
            .Union(db.TaskStatistics.Where(statistics => statistics.NextDeadline <= now).Select(statistics => statistics.OwnerId))
            .Where(owner => owner > after)
            .OrderBy(owner => owner)
            .Take(limit)
            .ToListAsync(cancellationToken);
    }

    /// <summary>
    /// Counts and stores. The owners' rows are locked first, in one order, and counted by a statement of its own, which
    /// sees everything that whoever held the locks before had counted: an older count never replaces a newer one.
    /// </summary>
    /// <param name="owners">Whose tasks to count.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when they are stored.</returns>
    public Task CountAsync(IReadOnlyCollection<int> owners, CancellationToken cancellationToken)
    {
        int[] ids = [.. owners.Distinct().Order()];
        return db.Database.CreateExecutionStrategy().ExecuteAsync(
            async attempt =>
            {
                await using var transaction = await db.Database.BeginTransactionAsync(attempt);
                await db.Database.ExecuteSqlAsync(
                    $"""
                    insert into task_statistics (owner_id, total_tasks, completed_tasks, overdue_tasks, updated_at)
                    select id, 0, 0, 0, '-infinity' from users where id = any({ids}) order by id
                    on conflict do nothing;
                    select from task_statistics where owner_id = any({ids}) order by owner_id for update;
                    """,
                    attempt);

                var now = clock.GetUtcNow();
                await db.Database.ExecuteSqlAsync(
                    $"""
                    with seen as (
                        delete from statistics_marks where owner_id = any({ids})
                    )
                    update task_statistics set
                        total_tasks = counted.total, completed_tasks = counted.completed, overdue_tasks = counted.overdue,
                        next_deadline = counted.next, updated_at = {now}
                    from (
                        select owners.id,
                            count(tasks.id) as total,
                            count(*) filter (where tasks.completed) as completed,
                            count(*) filter (where not tasks.completed and tasks.deadline <= {now}) as overdue,
                            min(tasks.deadline) filter (where not tasks.completed and tasks.deadline > {now}) as next
                        from unnest({ids}) as owners (id) left join tasks on tasks.owner_id = owners.id
                        group by owners.id
                    ) counted
                    where task_statistics.owner_id = counted.id
                    """,
                    attempt);
                await transaction.CommitAsync(attempt);
            },
            cancellationToken);
    }
}
