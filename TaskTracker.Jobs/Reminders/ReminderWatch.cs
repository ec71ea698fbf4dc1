using Quartz;
using TaskTracker.Data;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Reminders;

/// <summary>
/// Notices, on every replica, reminders that are overdue and that nobody is delivering: their wake-up was lost with a node
/// or a connection, or there are more than one node can deliver in time. Then this replica asks for a run.
/// </summary>
internal sealed partial class ReminderWatch(
    IServiceScopeFactory scopes,
    ISchedulerFactory schedulers,
    ReminderWake wake,
    TimeProvider clock,
    ILogger<ReminderWatch> logger) : Watch("overdue reminders", s_interval, clock, logger)
{
    // The two together, and the time of one run, are how late a reminder can be.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(500);

    public override async Task LookAsync(CancellationToken cancellationToken)
    {
        if (await IsOverdueAsync(cancellationToken) && !await IsDeliveringHereAsync(cancellationToken) && !await wake.IsPausedAsync(cancellationToken))
        {
            LogOverdue(logger);
            await wake.WakeNowAsync(cancellationToken);
        }
    }

    private async Task<bool> IsOverdueAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var delivery = scope.ServiceProvider.GetRequiredService<ReminderDelivery>();
        return await delivery.IsAnyOverdueAsync(s_grace, cancellationToken);
    }

    // One run a node is enough: a second would only compete with it.
    private async Task<bool> IsDeliveringHereAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var runs = await scheduler.QueryFireInstances(
            new FireInstanceQuery
            {
                Job = JobKeys.SendTaskReminder,
                SchedulerInstanceId = await scheduler.GetSchedulerInstanceId(cancellationToken),
            },
            cancellationToken);
        return runs.Items.Count > 0;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Reminders are overdue and nobody delivers them: a run is asked for.")]
    private static partial void LogOverdue(ILogger logger);
}
