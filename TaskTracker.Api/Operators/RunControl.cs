using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Api.Operations;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operators;

/// <summary>Cancels runs and does again what has failed. A run that is an attempt at an operation stands for the operation.</summary>
internal sealed class RunControl(
    TaskTrackerDbContext db,
    OwnerTransaction transaction,
    SchedulerChanges changes,
    ISchedulerFactory schedulers,
    RunHistory history,
    Cancellation cancellation,
    JobControl jobs,
    TimeProvider clock)
{
    /// <summary>Cancels the run, or the operation, of this id.</summary>
    public async Task<ActionOutcome> CancelAsync(string id, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(id, out var operation))
        {
            return await CancelOperationAsync(operation, cancellationToken);
        }

        if (await FindRunningAsync(id, cancellationToken) is not { } trigger)
        {
            return await history.FindAsync(id, cancellationToken) is null ? ActionOutcome.Unknown : ActionOutcome.Refused("The run has ended already.");
        }

        var scheduler = await schedulers.GetScheduler(cancellationToken);
        if ((await OperationFirings.FindCurrentAsync(db, [id], cancellationToken)).TryGetValue(id, out operation)
            || (await OperationFirings.FindOperationsAsync(scheduler, [trigger], cancellationToken)).TryGetValue(trigger, out operation))
        {
            return await CancelOperationAsync(operation, cancellationToken);
        }

        // The first is seen at the node's next check-in, also where the second, which is seen at once, gets lost.
        await scheduler.InterruptFireInstance(id, cancellationToken);
        await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.CancelChannel}, {id})", cancellationToken);
        return ActionOutcome.Done("The run is told to stop.");
    }

    /// <summary>Does again what the run, or the operation, of this id has failed to do.</summary>
    public async Task<ActionOutcome> RetryAsync(string id, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(id, out var operation))
        {
            return await RetryOperationAsync(operation, cancellationToken);
        }

        if (await history.FindAsync(id, cancellationToken) is not { } run)
        {
            return await FindRunningAsync(id, cancellationToken) is null ? ActionOutcome.Unknown : ActionOutcome.Refused("The run has not ended yet.");
        }

        if (run.OperationId is { } attempted)
        {
            return await RetryOperationAsync(attempted, cancellationToken);
        }

        if (run.Result != JobRunResult.Failed)
        {
            return ActionOutcome.Refused("The run has not failed.");
        }

        return run.WillRetry
            ? ActionOutcome.Refused("The job is tried again by itself.")
            : await jobs.RunAsync(run.Job, cancellationToken);
    }

    private async Task<ActionOutcome> CancelOperationAsync(Guid id, CancellationToken cancellationToken) =>
        (await cancellation.CancelAsync(owner: null, id, cancellationToken))?.Status switch
        {
            null => ActionOutcome.Unknown,
            OperationStatus.Cancelled => ActionOutcome.Done("The operation is cancelled."),
            OperationStatus.Running => ActionOutcome.Done("The operation is told to stop."),
            _ => ActionOutcome.Refused("The operation has ended already."),
        };

    private async Task<ActionOutcome> RetryOperationAsync(Guid id, CancellationToken cancellationToken)
    {
        var found = await db.Operations.Where(operation => operation.Id == id)
            .Select(operation => new { operation.Kind, operation.Status }).SingleOrDefaultAsync(cancellationToken);
        if (found is null)
        {
            return ActionOutcome.Unknown;
        }

        var isAsked = await transaction.RunAsync(
            [],
            async attempt =>
            {
                var now = clock.GetUtcNow();
                var failed = await db.Operations.Where(operation => operation.Id == id && operation.Status == OperationStatus.Failed).ExecuteUpdateAsync(
                    set => set
                        .SetProperty(operation => operation.Status, OperationStatus.Pending)
                        .SetProperty(operation => operation.Error, (string?)null)
                        .SetProperty(operation => operation.CancelRequestedAt, (DateTimeOffset?)null)
                        .SetProperty(operation => operation.FinishedAt, (DateTimeOffset?)null)
                        .SetProperty(operation => operation.SeenAt, now)
                        // Not from one again: an attempt that was frozen long ago must not find its number current.
                        .SetProperty(operation => operation.AttemptLimit, operation => operation.Attempt + Operation.AttemptsPerRequest),
                    attempt);
                if (failed == 0)
                {
                    return false;
                }

                // The firing of the attempt that failed may not be gone yet.
                await changes.MakeAsync(
                    async scheduler => await scheduler.ScheduleTrigger(OperationTriggers.Create(id, found.Kind), TriggerConflict.Replace, attempt), attempt);
                return true;
            },
            cancellationToken);

        return isAsked
            ? ActionOutcome.Done("The operation is done again.")
            : ActionOutcome.Refused($"The operation has not failed: it is {OperationJson.NameOf(found.Status)}.");
    }

    private async Task<TriggerKey?> FindRunningAsync(string id, CancellationToken cancellationToken) =>
        (await db.Database.SqlQuery<RunningTrigger>(
            $"""
            select trigger_name as "Name", trigger_group as "Group" from qrtz_fired_triggers
            where sched_name = {SchedulerCluster.Name} and entry_id = {id} and state = 'EXECUTING'
            """).ToListAsync(cancellationToken)) is [var found] ? new TriggerKey(found.Name, found.Group) : null;

    private sealed record RunningTrigger(string Name, string Group);
}
