using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TaskTracker.Data;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Jobs.Cleanup;

/// <summary>
/// Deletes what nobody can ask for any more, in batches that are transactions of their own. Rows that another run is
/// deleting, or that somebody uses, are passed over. Two things are not in here because they go by themselves: the history
/// of jobs, which Quartz bounds (SchedulerCluster), and the cache, in which every key ends but one, the epoch.
/// </summary>
internal sealed class ExpiredData(TaskTrackerDbContext db, IOptions<CleanupOptions> options, TimeProvider clock)
{
    /// <summary>The most rows that one statement deletes.</summary>
    public const int BatchSize = 1_000;

    /// <summary>The most pieces of files that one statement deletes; each is a megabyte.</summary>
    public const int ChunkBatchSize = 100;

    /// <summary>A download that has begun before its file expired may take this long.</summary>
    public static readonly TimeSpan DownloadGrace = TimeSpan.FromHours(1);

    /// <summary>Deletes everything that has expired by now.</summary>
    public async Task<CleanupRun> DeleteAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return new CleanupRun(
            await DeleteChunksAsync(now, cancellationToken),
            await DeleteOperationsAsync(now, cancellationToken),
            await DeleteNotificationsAsync(now, cancellationToken),
            await DeleteTokensAsync(now, cancellationToken),
            await DeleteAnswersAsync(now, cancellationToken));
    }

    // The operation stays for its own time, and says that its file has expired.
    private Task<int> DeleteChunksAsync(DateTimeOffset now, CancellationToken cancellationToken) => RepeatAsync(
        ChunkBatchSize,
        $"""
        delete from export_chunks using (
            select operation_id, chunk_no
            from operations join export_chunks on operation_id = id
            where expires_at <= {now - DownloadGrace}
            limit {ChunkBatchSize}
            for update of export_chunks skip locked
        ) expired
        where export_chunks.operation_id = expired.operation_id and export_chunks.chunk_no = expired.chunk_no
        """,
        cancellationToken);

    private Task<int> DeleteOperationsAsync(DateTimeOffset now, CancellationToken cancellationToken) => RepeatAsync(
        BatchSize,
        $"""
        delete from operations using (
            select id
            from operations
            where finished_at <= {now - options.Value.Operations} and (expires_at is null or expires_at <= {now - DownloadGrace})
            order by finished_at
            limit {BatchSize}
            for update skip locked
        ) old
        where operations.id = old.id
        """,
        cancellationToken);

    /// <summary>
    /// Keeps what says that the owner of a task was told of its deadline for as long as the task is overdue by it: the check
    /// would tell them again. Goes on behind what was kept, of which there may be much.
    /// </summary>
    private async Task<int> DeleteNotificationsAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var before = now - options.Value.Notifications;
        var deleted = 0;
        var last = new OldNotifications(0, 0, DateTimeOffset.MinValue, 0);
        do
        {
            var batch = await db.Database.SqlQuery<OldNotifications>(
                $"""
                with old as (
                    select id, created_at
                    from notifications
                    where created_at <= {before} and (created_at, id) > ({last.CreatedAt}, {last.Id})
                    order by created_at, id
                    limit {BatchSize}
                    for update skip locked
                ), deleted as (
                    delete from notifications using old
                    where notifications.id = old.id and not (
                        kind = 'overdue' and exists (
                            select from tasks
                            where tasks.id = notifications.task_id and not completed and tasks.deadline = notifications.deadline))
                    returning 1
                )
                select (select count(*)::int from old) as "Found", (select count(*)::int from deleted) as "Deleted",
                    created_at as "CreatedAt", id as "Id"
                from old
                order by created_at desc, id desc
                limit 1
                """).ToListAsync(cancellationToken);
            if (batch.Count == 0)
            {
                break;
            }

            last = batch.Single();
            deleted += last.Deleted;
        }
        while (last.Found == BatchSize);

        return deleted;
    }

    // One that was used or revoked is refused like one that is unknown, but only until it expires does its second use give
    // a theft away; so all of them are kept until then, and none longer.
    private Task<int> DeleteTokensAsync(DateTimeOffset now, CancellationToken cancellationToken) => RepeatAsync(
        BatchSize,
        $"""
        delete from refresh_tokens using (
            select id from refresh_tokens where expires_at <= {now} order by expires_at limit {BatchSize} for update skip locked
        ) expired
        where refresh_tokens.id = expired.id
        """,
        cancellationToken);

    private Task<int> DeleteAnswersAsync(DateTimeOffset now, CancellationToken cancellationToken) => RepeatAsync(
        BatchSize,
        $"""
        delete from idempotent_answers using (
            select owner_id, key
            from idempotent_answers
            where created_at <= {now - IdempotentAnswer.Life}
            order by created_at
            limit {BatchSize}
            for update skip locked
        ) forgotten
        where idempotent_answers.owner_id = forgotten.owner_id and idempotent_answers.key = forgotten.key
        """,
        cancellationToken);

    private async Task<int> RepeatAsync(int batchSize, FormattableString delete, CancellationToken cancellationToken)
    {
        var deleted = 0;
        int batch;
        do
        {
            batch = await db.Database.ExecuteSqlAsync(delete, cancellationToken);
            deleted += batch;
        }
        while (batch == batchSize);

        return deleted;
    }

    private sealed record OldNotifications(int Found, int Deleted, DateTimeOffset CreatedAt, long Id);
}

/// <summary>How many rows of each kind one run deleted.</summary>
internal sealed record CleanupRun(int ExportChunks, int Operations, int Notifications, int RefreshTokens, int IdempotentAnswers)
{
    public int Total => ExportChunks + Operations + Notifications + RefreshTokens + IdempotentAnswers;
}
