using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Data.Caching;

/// <summary>
/// One database transaction that changes what owners see, announced to the cache. It may be tried again after a lost
/// connection, and a commit whose answer was lost is looked up instead of repeated.
/// </summary>
/// <param name="db">The context that the change is made with.</param>
/// <param name="versions">The owners' versions.</param>
public sealed class OwnerTransaction(TaskTrackerDbContext db, OwnerVersions versions)
{
    /// <summary>The longest one attempt may take; PostgreSQL itself ends it (17 or later).</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // A process that stands still in the middle of it must not hold its locks until the limit.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(10);

    /// <summary>Runs <paramref name="change"/> in a transaction and commits it.</summary>
    /// <param name="owners">Whose data it changes; empty where no cached answer depends on it.</param>
    /// <param name="change">The change, saved by itself, and free of any effect outside the context's database.</param>
    /// <param name="cancellationToken">Ends the wait; the cache then rests until the last attempt can no longer commit.</param>
    /// <typeparam name="T">The type of the change's result.</typeparam>
    /// <returns>The result of the attempt that committed.</returns>
    public async Task<T> RunAsync<T>(
        IReadOnlyCollection<int> owners, Func<CancellationToken, Task<T>> change, CancellationToken cancellationToken)
    {
        var transaction = "";
        var marks = new List<string>();
        T result = default!;

        // What fails fails the whole transaction: a savepoint around each save would be two round trips for nothing.
        db.Database.AutoSavepointsEnabled = false;

        await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
            async attempt =>
            {
                // What a failed attempt has added is still tracked.
                db.ChangeTracker.Clear();

                // First of all, so that no pause of this process can carry the commit beyond the life of the mark. The
                // owners' statistics are out of date with the same commit.
                transaction = (await db.Database
                    .SqlQuery<string>($"""
                        with marked as (insert into statistics_marks (owner_id) select unnest({owners.ToArray()}))
                        select pg_current_xact_id()::text as "Value"
                        from set_config('transaction_timeout', {$"{(int)Limit.TotalSeconds}s"}, true) limited,
                            set_config('idle_in_transaction_session_timeout', {$"{(int)LongestIdle.TotalSeconds}s"}, true) limited_when_idle
                        """)
                    .ToListAsync(attempt)).Single();
                if (owners.Count > 0)
                {
                    marks.Add(await versions.BeginAsync(owners));
                }

                result = await change(attempt);
            },
            attempt => CommittedAsync(transaction, attempt),
            cancellationToken);

        foreach (var mark in marks)
        {
            await versions.EndAsync(owners, mark);
        }

        return result;
    }

    /// <summary>
    /// Takes back, within the change, that the owner's statistics are out of date: for one that found nothing to do, so that
    /// a refused request leaves no row behind.
    /// </summary>
    /// <param name="owner">Whose data the change was about.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when it is taken back.</returns>
    public Task LeaveUnmarkedAsync(int owner, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"delete from statistics_marks where owner_id = {owner} and xmin = pg_current_xact_id()::xid", cancellationToken);

    // The connection was lost before the answer to the commit came. The server knows, as soon as it has noticed.
    private async Task<bool> CommittedAsync(string transaction, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        while (true)
        {
            var status = await db.Database
                .SqlQuery<string?>($"""select pg_xact_status({transaction}::xid8) as "Value" """)
                .SingleAsync(limit.Token);
            if (status != "in progress")
            {
                return status == "committed";
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), limit.Token);
        }
    }
}
