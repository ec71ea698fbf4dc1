using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Data.Caching;

/// <summary>
/// One database transaction that changes what owners see, announced to the cache. It may be tried again after a lost
/// connection, and a commit whose answer was lost is looked up instead of repeated.
/// </summary>
/// <param name="db">The context that the change is made with.</param>
/// <param name="versions">The owners' versions.</param>
/// <param name="clock">The clock that says how long the announcement took.</param>
public sealed class OwnerTransaction(TaskTrackerDbContext db, OwnerVersions versions, TimeProvider clock)
{
    /// <summary>The longest one attempt may take; PostgreSQL itself ends it (17 or later).</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // A process that stands still in the middle of it must not hold its locks until the limit.
    private static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(10);

    // The mark is set while the transaction opens, so it may be older than the limit's beginning: by less than it outlives
    // the limit.
    private static readonly TimeSpan LongestOpening = (OwnerVersions.MarkLife - Limit) / 2;

    /// <summary>Runs <paramref name="change"/> in a transaction and commits it.</summary>
    /// <param name="owners">Whose data it changes; empty where no cached answer depends on it.</param>
    /// <param name="change">The change, saved by itself, and free of any effect outside the context's database.</param>
    /// <param name="cancellationToken">Ends the wait; where the commit had begun, the cache then rests until it can no longer succeed.</param>
    /// <typeparam name="T">The type of the change's result.</typeparam>
    /// <returns>The result of the attempt that committed.</returns>
    public Task<T> RunAsync<T>(
        IReadOnlyCollection<int> owners, Func<CancellationToken, Task<T>> change, CancellationToken cancellationToken) =>
        RunAsync(owners, $"""first as (select 0::bigint as "Value")""", (_, attempt) => change(attempt), cancellationToken);

    /// <summary>Runs a change whose first statement goes with the one that opens the transaction, which saves a round trip.</summary>
    /// <param name="owners">Whose data it changes; empty where no cached answer depends on it.</param>
    /// <param name="first">
    /// What the first statement does, as common table expressions in SQL: one of them is <c>first</c> and has one row, whose
    /// <c>"Value"</c> is a <c>bigint</c>.
    /// </param>
    /// <param name="change">The rest of the change, which gets that value, saved by itself, and free of any effect outside the context's database.</param>
    /// <param name="cancellationToken">Ends the wait; where the commit had begun, the cache then rests until it can no longer succeed.</param>
    /// <typeparam name="T">The type of the change's result.</typeparam>
    /// <returns>The result of the attempt that committed.</returns>
    public async Task<T> RunAsync<T>(
        IReadOnlyCollection<int> owners, FormattableString first, Func<long, CancellationToken, Task<T>> change, CancellationToken cancellationToken)
    {
        var transaction = "";
        var mayHaveCommitted = false;
        var marks = new List<string>();
        T result = default!;

        // What fails fails the whole transaction: a savepoint around each save would be two round trips for nothing.
        db.Database.AutoSavepointsEnabled = false;

        try
        {
            await db.Database.CreateExecutionStrategy().ExecuteInTransactionAsync(
                async attempt =>
                {
                    // What a failed attempt has added is still tracked, and it certainly has not committed.
                    db.ChangeTracker.Clear();
                    mayHaveCommitted = false;

                    (var value, transaction) = await OpenAsync(owners, first, marks, attempt);
                    result = await change(value, attempt);
                    mayHaveCommitted = true;
                },
                attempt => CommittedAsync(transaction, attempt),
                cancellationToken);
        }
        catch when (!mayHaveCommitted)
        {
            await EndAsync(owners, marks);
            throw;
        }

        await EndAsync(owners, marks);

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

    // The owners' statistics are out of date with the same commit. Both limits hold from this statement on, so that no pause
    // of this process can carry the commit beyond the life of the mark, which is set meanwhile.
    private async Task<Opened> OpenAsync(
        IReadOnlyCollection<int> owners, FormattableString first, List<string> marks, CancellationToken cancellationToken)
    {
        var opening = db.Database
            .SqlQuery<Opened>(FormattableStringFactory.Create(
                $$"""
                with marked as (insert into statistics_marks (owner_id) select unnest({{{first.ArgumentCount}}})),
                {{first.Format}}
                select first."Value", pg_current_xact_id()::text as "Transaction"
                from first,
                    set_config('transaction_timeout', '{{Limit.TotalSeconds}}s', true) limited,
                    set_config('idle_in_transaction_session_timeout', '{{LongestIdle.TotalSeconds}}s', true) limited_when_idle
                """,
                [.. first.GetArguments(), owners.ToArray()]))
            .ToListAsync(cancellationToken);
        if (owners.Count == 0)
        {
            return (await opening).Single();
        }

        var begun = clock.GetTimestamp();
        marks.Add(await versions.BeginAsync(owners));
        var opened = (await opening).Single();
        if (clock.GetElapsedTime(begun) > LongestOpening)
        {
            marks.Add(await versions.BeginAsync(owners));
        }

        return opened;
    }

    private async Task EndAsync(IReadOnlyCollection<int> owners, List<string> marks)
    {
        foreach (var mark in marks)
        {
            await versions.EndAsync(owners, mark);
        }
    }

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

    private sealed record Opened(long Value, string Transaction);
}
