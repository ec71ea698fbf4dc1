using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;

namespace TaskTracker.Api.Operations;

/// <summary>Cancels operations: one that waits ends at once, one under way is told to stop, wherever it runs.</summary>
internal sealed class Cancellation(
    TaskTrackerDbContext db, OwnerTransaction transaction, ISchedulerFactory schedulers, JobsGate jobs, TimeProvider clock)
{
    /// <summary>Asks the operation to end.</summary>
    /// <param name="owner">Whose it must be; null for an operator, who may cancel anybody's.</param>
    /// <param name="id">The operation.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The operation afterwards; null where the owner has none of this id.</returns>
    public async Task<Operation?> CancelAsync(int? owner, Guid id, CancellationToken cancellationToken)
    {
        var operation = await transaction.RunAsync([], attempt => RequestAsync(owner, id, attempt), cancellationToken);
        if (operation is { Status: OperationStatus.Cancelled } && await jobs.AreStoredAsync(cancellationToken))
        {
            // Its firing would only find that there is nothing to do, but until then it stood in the queue.
            var scheduler = await schedulers.GetScheduler(cancellationToken);
            await scheduler.UnscheduleJob(OperationTriggers.KeyOf(id, operation.Kind), cancellationToken);
        }

        return operation;
    }

    private async Task<Operation?> RequestAsync(int? owner, Guid id, CancellationToken cancellationToken)
    {
        DateTimeOffset? now = clock.GetUtcNow();
        var mine = db.Operations.Where(operation => operation.Id == id && (owner == null || operation.OwnerId == owner));

        var waiting = await mine.Where(operation => operation.Status == OperationStatus.Pending).ExecuteUpdateAsync(
            set => set
                .SetProperty(operation => operation.Status, OperationStatus.Cancelled)
                .SetProperty(operation => operation.CancelRequestedAt, now)
                .SetProperty(operation => operation.Result, (string?)null)
                .SetProperty(operation => operation.FinishedAt, now),
            cancellationToken);
        if (waiting > 0)
        {
            // What an attempt that failed has left behind.
            await db.ExportChunks.Where(chunk => chunk.OperationId == id).ExecuteDeleteAsync(cancellationToken);
        }
        else if (await mine.Where(operation => operation.Status == OperationStatus.Running).ExecuteUpdateAsync(
            set => set.SetProperty(operation => operation.CancelRequestedAt, operation => operation.CancelRequestedAt ?? now), cancellationToken) > 0)
        {
            await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.CancelChannel}, {id.ToString()})", cancellationToken);
        }

        return await mine.AsNoTracking().SingleOrDefaultAsync(cancellationToken);
    }
}
