using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// What attempts write into their operation's row. Each write names its attempt and finds no row once another attempt has
/// begun, or once the operation has ended: then it changes nothing and throws <see cref="TakenOverException"/>. Signs of
/// life and pieces of a file do not wait for the disk: the commit of its end does, and takes with it what was written before.
/// </summary>
internal sealed class OperationLedger(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>Begins the next attempt, which ends the right of every earlier one to write.</summary>
    /// <param name="id">The operation.</param>
    /// <param name="fireInstance">The firing that attempts it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The operation as the attempt finds it, or null where it has ended already.</returns>
    public async Task<Operation?> BeginAsync(Guid id, string fireInstance, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var begun = await db.Operations.FromSql(
            $"""
            update operations
            set attempt = attempt + 1, status = 'running', started_at = coalesce(started_at, {now}), seen_at = {now}, fire_instance_id = {fireInstance}
            where id = {id} and status in ('pending', 'running')
            returning operations.*
            """).AsNoTracking().ToListAsync(cancellationToken);
        return begun.SingleOrDefault();
    }

    /// <summary>
    /// Begins the first attempt at the operations that have waited longest, and takes their triggers away: whoever deletes a
    /// trigger has the right to run it, as whoever fires it has. One that is paused, acquired by a node, or to be attempted
    /// again is left to Quartz.
    /// </summary>
    /// <param name="kind">The kind of operation.</param>
    /// <param name="fireInstances">The firings that go on with one each.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The operations as their attempts find them; fewer than firings where fewer wait.</returns>
    public async Task<IReadOnlyList<Operation>> TakeAsync(
        OperationKind kind, IReadOnlyList<string> fireInstances, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var group = JobKeys.TriggerGroupOf(JobKeys.Of(kind));
        return await db.Operations.FromSql(
            $"""
            with waiting as (
                select ctid, trigger_name from qrtz_triggers
                where sched_name = {SchedulerCluster.Name} and trigger_state = 'WAITING' and next_fire_time <= {now.UtcTicks}
                    -- By the index of what is due and in its order, for no other serves a case, and no statistics make it look rare.
                    and case when trigger_group = {group} and trigger_name like 'operation-%'
                        and description is null and coalesce(retry_attempt, 0) = 0 then true else false end
                order by next_fire_time
                limit {fireInstances.Count}
                for update skip locked
            ), taken as (
                delete from qrtz_triggers using waiting
                where qrtz_triggers.ctid = waiting.ctid
                returning substr(waiting.trigger_name, 11)::uuid as id
            ), numbered as (
                select id, row_number() over () as number from taken
            )
            update operations
            set attempt = attempt + 1, status = 'running', started_at = coalesce(started_at, {now}), seen_at = {now},
                fire_instance_id = ({fireInstances.ToArray()})[number]
            from numbered
            -- By the key, not by the index of what is open.
            where operations.id = numbered.id and status || '' in ('pending', 'running')
            returning operations.*
            """).AsNoTracking().ToListAsync(cancellationToken);
    }

    /// <summary>Finds operations that nobody has looked after for a while, and that no firing is stored for.</summary>
    /// <param name="silentSince">Since when nobody has.</param>
    /// <param name="limit">How many at most, the longest silent first.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<Operation>> FindLostAsync(DateTimeOffset silentSince, int limit, CancellationToken cancellationToken) =>
        await db.Operations.FromSql(
            $"""
            with recovering as materialized (
                -- What Quartz has recovered from a node that died has a name of its own, and the operation in its input.
                select job_data from qrtz_triggers where sched_name = {SchedulerCluster.Name} and trigger_group = {SchedulerConstants.DefaultRecoveryGroup}
            )
            select operations.* from operations, lateral (select 'operation-' || replace(id::text, '-', '') as name) as trigger
            where status in ('pending', 'running') and seen_at < {silentSince}
                -- The first of its name or behind it: that order is the key's alone, so each costs one look-up, however much waits.
                and trigger.name is distinct from (
                    select trigger_name from qrtz_triggers
                    where sched_name = {SchedulerCluster.Name} and trigger_name >= trigger.name
                    order by trigger_name
                    limit 1)
                and not exists (select from recovering where position(convert_to(operations.id::text, 'UTF8') in job_data) > 0)
            order by seen_at
            limit {limit}
            """).AsNoTracking().ToListAsync(cancellationToken);

    /// <summary>Says that attempts are alive, and asks which of them should not go on.</summary>
    /// <returns>The operations of those that were cancelled or taken over; one that has just ended is none of them.</returns>
    public async Task<IReadOnlyCollection<Guid>> KeepAliveAsync(IReadOnlyCollection<Operation> runs, CancellationToken cancellationToken)
    {
        var (ids, attempts) = (runs.Select(run => run.Id).ToArray(), runs.Select(run => run.Attempt).ToArray());
        return await db.Database.SqlQuery<Guid>(
            $"""
            with held as (
                select id, attempt from unnest({ids}, {attempts}) as held (id, attempt)
            ), alive as (
                -- By the key, not by the index of what is open. A row that is locked is being written, and none is waited for while others are held.
                select operations.id from operations join held on held.id = operations.id
                where operations.attempt = held.attempt and status || '' = 'running'
                for update of operations skip locked
            ), kept as (
                update operations set seen_at = {clock.GetUtcNow()} from alive, set_config('synchronous_commit', 'off', true) where operations.id = alive.id
            )
            select held.id as "Value" from held left join operations on operations.id = held.id
            where operations.attempt is distinct from held.attempt or (status = 'running' and cancel_requested_at is not null)
            """).ToListAsync(cancellationToken);
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
                from set_config('synchronous_commit', 'off', true)
                where id = {run.Id} and attempt = {run.Attempt} and status = 'running'
                returning id
            )
            insert into export_chunks (operation_id, chunk_no, data) select id, {number}, {data} from fence
            on conflict (operation_id, chunk_no) do update set data = excluded.data
            """,
            cancellationToken));
    }

    /// <summary>Ends the operation: its work is done.</summary>
    public async Task CompleteAsync(Operation run, OperationOutcome outcome, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var result = JsonSerializer.Serialize(outcome.Result, OperationJson.Options);
        Require(await db.Database.ExecuteSqlAsync(
            $"""
            update operations set
                status = 'completed', progress = 100, result = {result}::jsonb, error = null, finished_at = {now}, expires_at = {outcome.ExpiresAt}
            where id = {run.Id} and attempt = {run.Attempt} and status = 'running'
            """,
            cancellationToken));
    }

    /// <summary>Ends exports with the last pieces of their files, all by one statement.</summary>
    /// <returns>Those that were ended: the others were taken over, had ended, or lack a piece.</returns>
    public async Task<IReadOnlyCollection<Guid>> CompleteAsync(IReadOnlyList<FinishedExport> exports, CancellationToken cancellationToken)
    {
        var ids = exports.Select(export => export.Run.Id).ToArray();
        var attempts = exports.Select(export => export.Run.Attempt).ToArray();
        var results = exports.Select(export => JsonSerializer.Serialize(export.Outcome.Result, OperationJson.Options)).ToArray();
        var numbers = exports.Select(export => export.ChunkNo).ToArray();
        // EF has no word for arrays of these.
        var expiries = new NpgsqlParameter("expiries", NpgsqlDbType.Array | NpgsqlDbType.TimestampTz)
        {
            Value = exports.Select(export => export.Outcome.ExpiresAt).ToArray(),
        };
        var data = new NpgsqlParameter("data", NpgsqlDbType.Array | NpgsqlDbType.Bytea) { Value = exports.Select(export => export.Data).ToArray() };
        return await db.Database.SqlQuery<Guid>(
            $"""
            with done as (
                select * from unnest({ids}, {attempts}, {results}, {expiries}, {numbers}, {data}) as done (id, attempt, result, expires_at, chunk_no, data)
            ), completed as (
                update operations set
                    status = 'completed', progress = 100, result = done.result::jsonb, error = null, finished_at = {clock.GetUtcNow()},
                    expires_at = done.expires_at
                from done
                -- By the key, not by the index of what is open, which would be read whole.
                where operations.id = done.id and operations.attempt = done.attempt and status || '' = 'running'
                    -- A server that has crashed since may have forgotten pieces that nobody waited for.
                    and (select count(*) from export_chunks where operation_id = done.id and export_chunks.chunk_no < done.chunk_no) = done.chunk_no
                returning operations.id
            ), files as (
                insert into export_chunks (operation_id, chunk_no, data)
                select id, chunk_no, data from completed join done using (id) where octet_length(data) > 0
                on conflict (operation_id, chunk_no) do update set data = excluded.data
            )
            select id as "Value" from completed
            """).ToListAsync(cancellationToken);
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
        DateTimeOffset? now = clock.GetUtcNow();
        Require(await RowOf(run).ExecuteUpdateAsync(
            set => set
                .SetProperty(operation => operation.Status, status)
                .SetProperty(operation => operation.Error, error)
                .SetProperty(operation => operation.FinishedAt, now),
            cancellationToken));
        await db.ExportChunks.Where(chunk => chunk.OperationId == run.Id).ExecuteDeleteAsync(cancellationToken);
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
