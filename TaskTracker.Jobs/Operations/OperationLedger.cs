using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// What attempts write into their operation's row. Each write names its attempt and finds no row once another attempt has
/// begun, or once the operation has ended: then it changes nothing and throws <see cref="TakenOverException"/>.
/// </summary>
internal sealed class OperationLedger(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>Begins the next attempt, which ends the right of every earlier one to write.</summary>
    /// <returns>The operation as the attempt finds it, or null where it has ended already.</returns>
    public async Task<Operation?> BeginAsync(Guid id, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var begun = await db.Operations.FromSql(
            $"""
            update operations
            set attempt = attempt + 1, status = 'running', started_at = coalesce(started_at, {now}), seen_at = {now}
            where id = {id} and status in ('pending', 'running')
            returning id, owner_id, kind, status, progress, input, result, error, attempt, attempt_limit, cancel_requested_at, trace_parent,
                created_at, started_at, seen_at, finished_at, expires_at
            """).AsNoTracking().ToListAsync(cancellationToken);
        return begun.SingleOrDefault();
    }

    /// <summary>Says that the attempt is alive, and asks whether it should go on.</summary>
    /// <returns>False where it was cancelled or taken over.</returns>
    public async Task<bool> MayGoOnAsync(Operation run, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return await RowOf(run).Where(operation => operation.CancelRequestedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(operation => operation.SeenAt, now), cancellationToken) == 1;
    }

    /// <summary>Stores how far the attempt is and, in the same transaction as the work itself, what a later one goes on from.</summary>
    public async Task SaveAsync(Operation run, int progress, object result, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var json = JsonSerializer.Serialize(result, OperationJson.Options);
        Require(await RowOf(run).ExecuteUpdateAsync(
            set => set
                .SetProperty(operation => operation.Progress, progress)
                .SetProperty(operation => operation.Result, json)
                .SetProperty(operation => operation.SeenAt, now),
            cancellationToken));
    }

    /// <summary>
    /// Removes what earlier attempts have written of the file; none of them can add to it any more. The row is locked by the
    /// same statement, so that nothing of a later attempt is removed.
    /// </summary>
    public Task ClearChunksAsync(Operation run, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
        with fence as (
            select id from operations where id = {run.Id} and attempt = {run.Attempt} and status = 'running' for update
        )
        delete from export_chunks using fence where operation_id = fence.id
        """,
        cancellationToken);

    /// <summary>Adds a piece of the file. The row is locked by the same statement, so no other attempt can begin meanwhile.</summary>
    public async Task AddChunkAsync(Operation run, int number, byte[] data, int progress, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        Require(await db.Database.ExecuteSqlAsync(
            $"""
            with fence as (
                update operations set progress = {progress}, seen_at = {now}
                where id = {run.Id} and attempt = {run.Attempt} and status = 'running'
                returning id
            )
            insert into export_chunks (operation_id, chunk_no, data) select id, {number}, {data} from fence
            on conflict (operation_id, chunk_no) do update set data = excluded.data
            """,
            cancellationToken));
    }

    /// <summary>Ends the operation: its work is done.</summary>
    public Task CompleteAsync(Operation run, OperationOutcome outcome, CancellationToken cancellationToken)
    {
        var result = JsonSerializer.Serialize(outcome.Result, OperationJson.Options);
        return EndAsync(run, OperationStatus.Completed, 100, result, null, outcome.ExpiresAt, cancellationToken);
    }

    /// <summary>Ends the operation with the last piece of its file.</summary>
    public async Task CompleteAsync(Operation run, OperationOutcome outcome, int number, byte[] data, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var result = JsonSerializer.Serialize(outcome.Result, OperationJson.Options);
        Require(await db.Database.ExecuteSqlAsync(
            $"""
            with fence as (
                update operations set
                    status = 'completed', progress = 100, result = {result}::jsonb, error = null, finished_at = {now}, expires_at = {outcome.ExpiresAt}
                where id = {run.Id} and attempt = {run.Attempt} and status = 'running'
                returning id
            )
            insert into export_chunks (operation_id, chunk_no, data) select id, {number}, {data} from fence
            on conflict (operation_id, chunk_no) do update set data = excluded.data
            """,
            cancellationToken));
    }

    /// <summary>Ends the operation as its owner asked.</summary>
    public Task CancelAsync(Operation run, CancellationToken cancellationToken) =>
        GiveUpAsync(run, OperationStatus.Cancelled, null, cancellationToken);

    /// <summary>Ends the operation for good.</summary>
    /// <param name="run">The attempt.</param>
    /// <param name="error">Why, for its owner to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task FailAsync(Operation run, string error, CancellationToken cancellationToken) =>
        GiveUpAsync(run, OperationStatus.Failed, error, cancellationToken);

    /// <summary>Ends the attempt alone; the next one is stored already.</summary>
    public async Task ReleaseAsync(Operation run, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        Require(await RowOf(run).ExecuteUpdateAsync(
            set => set.SetProperty(operation => operation.Status, OperationStatus.Pending).SetProperty(operation => operation.SeenAt, now),
            cancellationToken));
    }

    private async Task GiveUpAsync(Operation run, OperationStatus status, string? error, CancellationToken cancellationToken)
    {
        await EndAsync(run, status, null, null, error, null, cancellationToken);
        await db.ExportChunks.Where(chunk => chunk.OperationId == run.Id).ExecuteDeleteAsync(cancellationToken);
    }

    private async Task EndAsync(
        Operation run, OperationStatus status, int? progress, string? result, string? error, DateTimeOffset? expiresAt, CancellationToken cancellationToken)
    {
        DateTimeOffset? now = clock.GetUtcNow();
        Require(await RowOf(run).ExecuteUpdateAsync(
            set => set
                .SetProperty(operation => operation.Status, status)
                .SetProperty(operation => operation.Progress, operation => progress ?? operation.Progress)
                .SetProperty(operation => operation.Result, operation => result ?? operation.Result)
                .SetProperty(operation => operation.Error, error)
                .SetProperty(operation => operation.FinishedAt, now)
                .SetProperty(operation => operation.ExpiresAt, expiresAt),
            cancellationToken));
    }

    private IQueryable<Operation> RowOf(Operation run) => db.Operations.Where(operation =>
        operation.Id == run.Id && operation.Attempt == run.Attempt && operation.Status == OperationStatus.Running);

    private static void Require(int rows)
    {
        if (rows == 0)
        {
            throw new TakenOverException();
        }
    }
}

/// <summary>Another attempt has begun since, or the operation has ended: this one may write nothing any more.</summary>
internal sealed class TakenOverException() : Exception("Another run has taken the operation over, or has ended it.");

/// <summary>What came of an operation's work.</summary>
/// <param name="Result">What its owner is shown.</param>
/// <param name="Summary">One line for the history.</param>
/// <param name="Count">How many tasks it was about.</param>
/// <param name="ExpiresAt">Until when its file may be downloaded.</param>
internal sealed record OperationOutcome(object Result, string Summary, long Count, DateTimeOffset? ExpiresAt = null);
