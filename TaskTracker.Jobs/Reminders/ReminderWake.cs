using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Reminders;

/// <summary>
/// The one trigger that runs <c>send_task_reminder</c> at the next moment something falls due. However many replicas and
/// requests ask for moments, the earliest is kept; a run stores the following one (docs/decisions/0003-reminder-wake-up.md).
/// </summary>
internal sealed class ReminderWake(ISchedulerFactory schedulers, ISchedulerSignaler signaler, TimeProvider clock)
{
    public static readonly TriggerKey Key = new("reminder-wake", JobKeys.SendTaskReminder.Group);

    /// <summary>Makes sure that a run is stored for <paramref name="moment"/> or earlier.</summary>
    public Task WakeAtAsync(DateTimeOffset moment, CancellationToken cancellationToken) =>
        StoreAsync(moment, TriggerConflict.KeepEarlier, cancellationToken);

    /// <summary>
    /// Stores a run for now, even where an earlier one is stored: a node that died just before it takes its trigger along
    /// until the others miss it.
    /// </summary>
    public Task WakeNowAsync(CancellationToken cancellationToken) =>
        StoreAsync(clock.GetUtcNow(), TriggerConflict.Replace, cancellationToken);

    private async Task StoreAsync(DateTimeOffset moment, TriggerConflict conflict, CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var trigger = TriggerBuilder.Create()
            .WithIdentity(Key)
            .ForJob(JobKeys.SendTaskReminder)
            .StartAt(moment)
            .Build();
        await scheduler.ScheduleTrigger(trigger, conflict, cancellationToken);

        // Quartz tells its own process of what it stored, but not of what another replica has.
        await signaler.SignalSchedulingChange(null, cancellationToken);
    }
}
