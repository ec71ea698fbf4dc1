using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;
using TaskTracker.Jobs.Operations;

namespace TaskTracker.Jobs.BulkUpdates;

/// <summary>
/// Makes one change to many tasks of a user, a chunk in a transaction. What was done is stored with it, so that a later
/// attempt goes on behind it and no task is changed a second time.
/// </summary>
internal sealed class BulkUpdate(
    TaskTrackerDbContext db, OwnerTransaction transaction, OperationLedger ledger, OperationTelemetry telemetry, TaskMetrics metrics, ReminderWriter reminders, TimeProvider clock)
    : IOperationWork
{
    /// <summary>How many tasks are changed all together or not at all.</summary>
    public const int ChunkSize = 2_000;

    public OperationKind Kind => OperationKind.BulkUpdate;

    public async Task<OperationOutcome> RunAsync(Operation run, Action<int> report, CancellationToken cancellationToken)
    {
        var input = run.ReadInput<BulkUpdateInput>();
        var done = run.ReadResult<BulkUpdateResult>() ?? new BulkUpdateResult(0, []);

        do
        {
            long[] chunk = [.. input.TaskIds.Skip(Handled(done)).Take(ChunkSize)];
            var before = done;
            (done, var completed) = await transaction.RunAsync(
                [run.OwnerId], attempt => UpdateAsync(run, input, chunk, before, attempt), cancellationToken);
            telemetry.RecordUpdated(done.Updated - before.Updated);
            metrics.RecordCompleted(completed);
            report(Percent(done, input));
        }
        while (Handled(done) < input.TaskIds.Count);

        return Outcome(done);
    }

    private async Task<(BulkUpdateResult Done, int Completed)> UpdateAsync(
        Operation run, BulkUpdateInput input, long[] chunk, BulkUpdateResult before, CancellationToken cancellationToken)
    {
        var changes = input.Changes;

        // Locked in one order, so that two updates of the same tasks wait for each other instead of for ever. Texts are not
        // read back: they may be long, and nobody needs them.
        var updated = await db.Tasks.FromSql(
            $"""
            with mine as (
                select id from tasks where owner_id = {run.OwnerId} and id = any({chunk}) order by id for update
            )
            update tasks set
                title = coalesce({changes.Title}::text, title),
                description = coalesce({changes.Description}::text, description),
                completed = coalesce({changes.Completed}::boolean, completed),
                deadline = case when {changes.MovesDeadline} then {changes.Deadline}::timestamptz else deadline end,
                updated_at = {clock.GetUtcNow()}
            from mine
            where tasks.id = mine.id
            returning tasks.id, tasks.owner_id, '' as title, '' as description, tasks.completed, tasks.deadline,
                tasks.created_at, tasks.updated_at, tasks.completed_at, tasks.xmin
            """).AsNoTracking().ToListAsync(cancellationToken);
        if (changes.MovesDeadline || changes.Completed is not null)
        {
            await reminders.ReplaceAsync(updated, cancellationToken);
        }

        var found = updated.Select(task => task.Id).ToHashSet();
        var done = new BulkUpdateResult(before.Updated + updated.Count, [.. before.NotFound, .. chunk.Where(id => !found.Contains(id))]);
        await (Handled(done) < input.TaskIds.Count
            ? ledger.SaveAsync(run, Percent(done, input), done, cancellationToken)
            : ledger.CompleteAsync(run, Outcome(done), cancellationToken));

        // The table notes the time of the change that made a task done, and keeps it in later ones.
        return (done, updated.Count(task => task.CompletedAt == task.UpdatedAt));
    }

    private static OperationOutcome Outcome(BulkUpdateResult done) =>
        new(done, $"{done.Updated} updated, {done.NotFound.Count} not found", done.Updated);

    private static int Handled(BulkUpdateResult done) => done.Updated + done.NotFound.Count;

    private static int Percent(BulkUpdateResult done, BulkUpdateInput input) => Handled(done) * 100 / input.TaskIds.Count;
}
