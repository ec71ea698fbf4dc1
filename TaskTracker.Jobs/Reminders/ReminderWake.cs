using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Reminders;

/// <summary>
/// Starts <c>send_task_reminder</c> when something falls due, by one stored trigger for the next such moment. However many
/// replicas and requests ask for moments, the earliest is kept; a run stores the following one
/// (docs/decisions/0003-reminder-wake-up.md).
/// </summary>
internal sealed class ReminderWake(ISchedulerFactory schedulers, ISchedulerSignaler signaler, TimeProvider clock)
{
    public static readonly TriggerKey Key = new("reminder-wake", JobKeys.TriggerGroupOf(JobKeys.SendTaskReminder));

    /// <summary>Whether an operator has paused the job: then nothing here asks for a run.</summary>
    public async Task<bool> IsPausedAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var paused = new TriggerGroupQuery { Name = NameMatcher.NameEquals(Key.Group), Paused = true, Take = 1 };
        return (await scheduler.QueryTriggerGroups(paused, cancellationToken)).Items.Count > 0;
    }

    /// <summary>Makes sure that a run begins at <paramref name="moment"/> or earlier.</summary>
    public async Task WakeAtAsync(DateTimeOffset moment, CancellationToken cancellationToken)
    {
        if (moment <= clock.GetUtcNow())
        {
            await WakeNowAsync(cancellationToken);
            return;
        }

        if (await IsPausedAsync(cancellationToken))
        {
            return;
        }

        var scheduler = await schedulers.GetScheduler(cancellationToken);
        await scheduler.ScheduleTrigger(NewTrigger(Key, moment), TriggerConflict.KeepEarlier, cancellationToken);

        // Quartz tells its own process of what it stored, but not of what another replica has.
        await signaler.SignalSchedulingChange(null, cancellationToken);
    }

    /// <summary>
    /// Asks for a run now, beside the stored one: another node may be firing that at this instant, or may have died with it.
    /// While the job is paused nothing is stored: one a second would pile up, to run all together at the end of the pause.
    /// </summary>
    public async Task WakeNowAsync(CancellationToken cancellationToken)
    {
        if (await IsPausedAsync(cancellationToken))
        {
            return;
        }

        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var key = new TriggerKey($"reminder-now-{Guid.CreateVersion7():N}", Key.Group);
        await scheduler.ScheduleJob(NewTrigger(key, clock.GetUtcNow()), cancellationToken: cancellationToken);
    }

    private static ITrigger NewTrigger(TriggerKey key, DateTimeOffset moment) =>
        TriggerBuilder.Create()
            .WithIdentity(key)
            .ForJob(JobKeys.SendTaskReminder)
            .StartAt(moment)
            .Build();
}
