using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>
/// Stores the schedules that this version declares, where they are not stored yet or are others. The rest it leaves
/// alone. Quartz's own way with declared triggers is to store each anew at every start: then what fell due while no node
/// ran is forgotten, or comes again, and what another node is about to begin may be lost.
/// </summary>
/// <param name="declared">The triggers of all jobs with a schedule.</param>
internal sealed class Schedules(IEnumerable<ITrigger> declared)
{
    // What older versions declared: stored triggers stay until somebody takes them away.
    private static readonly TriggerKey[] s_retired =
    [
        new("statistics-look", JobKeys.TriggerGroupOf(JobKeys.ProcessTaskStatistics)),
        new("reminder-look", JobKeys.Group),
    ];

    /// <summary>Stores them. Replicas that start together must take turns.</summary>
    public async Task StoreAsync(IScheduler scheduler, CancellationToken cancellationToken)
    {
        await scheduler.UnscheduleJobs(s_retired, cancellationToken);
        foreach (var trigger in declared)
        {
            var stored = await scheduler.GetTrigger(trigger.Key, cancellationToken);
            var state = await scheduler.GetTriggerState(trigger.Key, cancellationToken);

            // A node of an older version that knows the job by no class has put its trigger out of service.
            if (stored is null || state == TriggerState.Error || !IsSame(stored, trigger))
            {
                // What an operator has paused waits for an operator, whatever its schedule is now.
                var pause = await scheduler.GetTriggerPause(trigger.Key, cancellationToken);
                var options = new ScheduleJobOptions
                {
                    Replace = true,
                    Paused = state == TriggerState.Paused,
                    PauseReason = pause?.Reason,
                    PauseRequestedBy = pause?.RequestedBy,
                };
                await scheduler.ScheduleJob(trigger, options, cancellationToken);
            }
        }
    }

    private static bool IsSame(ITrigger stored, ITrigger declared) =>
        stored.JobKey.Equals(declared.JobKey)
        && stored.Description == declared.Description
        && (stored, declared) switch
        {
            (ICronTrigger one, ICronTrigger other) =>
                one.CronExpressionString == other.CronExpressionString
                && one.TimeZone.Id == other.TimeZone.Id
                && one.MisfireInstruction == other.MisfireInstruction,
            (ISimpleTrigger one, ISimpleTrigger other) =>
                one.RepeatInterval == other.RepeatInterval
                && one.RepeatCount == other.RepeatCount
                && one.MisfireInstruction == other.MisfireInstruction,
            _ => false,
        };
}
