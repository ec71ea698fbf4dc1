using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>
/// The one trigger that runs <c>send_task_reminder</c> at the next moment something falls due. However many replicas and
/// requests ask for moments, the earliest is kept; a run stores the following one (docs/decisions/0003-reminder-wake-up.md).
/// </summary>
internal sealed class ReminderWake(ISchedulerFactory schedulers, ISchedulerSignaler signaler)
{
    public static readonly TriggerKey Key = new("reminder-wake", JobKeys.SendTaskReminder.Group);

    /// <summary>Makes sure that a run begins no later than <paramref name="moment"/>, on whichever node.</summary>
    public async Task WakeAtAsync(DateTimeOffset moment, CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var trigger = TriggerBuilder.Create()
            .WithIdentity(Key)
            .ForJob(JobKeys.SendTaskReminder)
            .StartAt(moment)
            .Build();
        await scheduler.ScheduleTrigger(trigger, TriggerConflict.KeepEarlier, cancellationToken);

        // Quartz tells its own process of what it stored, but not of what another replica has.
        await signaler.SignalSchedulingChange(null, cancellationToken);
    }
}
