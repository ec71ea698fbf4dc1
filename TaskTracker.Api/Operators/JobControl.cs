using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operators;

/// <summary>Starts, pauses and resumes jobs.</summary>
internal sealed class JobControl(OwnerTransaction transaction, SchedulerChanges changes, ISchedulerFactory schedulers)
{
    private static readonly HashSet<JobKey> s_needInput = [.. Enum.GetValues<OperationKind>().Select(JobKeys.Of)];

    /// <summary>Runs a job as soon as possible, also while it is paused.</summary>
    public async Task<ActionOutcome> RunAsync(string name, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken) is not { } job)
        {
            return ActionOutcome.Unknown;
        }

        if (s_needInput.Contains(job))
        {
            return ActionOutcome.Refused($"{name} does what a user has asked for, so it cannot be run by itself: retry one of its failed runs.");
        }

        await ChangeAsync(async scheduler => await scheduler.TriggerJob(job, cancellationToken), cancellationToken);
        return ActionOutcome.Done($"{name} starts now.");
    }

    /// <summary>Lets no run of a job begin any more: neither by what is stored, nor by what is stored later.</summary>
    /// <returns>Whether there is such a job.</returns>
    public async Task<bool> PauseAsync(string name, string reason, string actor, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken) is not { } job)
        {
            return false;
        }

        var details = new PauseDetails { Reason = reason, RequestedBy = actor };
        await ChangeAsync(
            async scheduler =>
            {
                await scheduler.PauseTriggerGroupsWith(TriggersOf(job), details, cancellationToken);
                // Quartz keeps what it recovers from a node that died in a group of its own.
                await scheduler.PauseJobWith(job, details, cancellationToken);
            },
            cancellationToken);
        return true;
    }

    /// <summary>Ends a pause; what was missed meanwhile is made up for once.</summary>
    /// <returns>Whether there is such a job.</returns>
    public async Task<bool> ResumeAsync(string name, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken) is not { } job)
        {
            return false;
        }

        await ChangeAsync(
            async scheduler =>
            {
                await scheduler.ResumeTriggerGroups(TriggersOf(job), cancellationToken);
                await scheduler.ResumeJob(job, cancellationToken);
            },
            cancellationToken);
        return true;
    }

    private static GroupMatcher<TriggerKey> TriggersOf(JobKey job) => GroupMatcher<TriggerKey>.GroupEquals(JobKeys.TriggerGroupOf(job));

    private async Task<JobKey?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var job = new JobKey(name, JobKeys.Group);
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        return await scheduler.Exists(job, cancellationToken) ? job : null;
    }

    private async Task ChangeAsync(Func<IScheduler, Task> change, CancellationToken cancellationToken) => await transaction.RunAsync(
        [],
        async attempt =>
        {
            await changes.MakeAsync(change, attempt);
            return true;
        },
        cancellationToken);
}
