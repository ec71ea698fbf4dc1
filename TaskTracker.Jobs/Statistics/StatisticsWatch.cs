using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Statistics;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Statistics;

/// <summary>
/// Asks for a run of <c>process_task_statistics</c> when somebody's statistics no longer hold. A schedule would cost the
/// cluster some 18 transactions, a trace and a line of history each time, even where nobody had written anything.
/// </summary>
internal sealed class StatisticsWatch(
    IServiceScopeFactory scopes, ISchedulerFactory schedulers, TimeProvider clock, ILogger<StatisticsWatch> logger)
    : Watch("statistics that are out of date", s_interval, clock, logger)
{
    /// <summary>The trigger that starts the run.</summary>
    public static readonly TriggerKey Key = new("statistics-wake", JobKeys.TriggerGroupOf(JobKeys.ProcessTaskStatistics));

    // Nobody waits for it, as a read that comes first counts its own owner, so it need not be soon.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    public override async Task LookAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var counter = scope.ServiceProvider.GetRequiredService<StatisticsCounter>();
        if ((await counter.FindOutOfDateAsync(after: 0, limit: 1, cancellationToken)).Count == 0)
        {
            return;
        }

        // One for the cluster: what is asked for already, or may not begin during a pause, does not pile up.
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        await scheduler.ScheduleTrigger(
            TriggerBuilder.Create().WithIdentity(Key).ForJob(JobKeys.ProcessTaskStatistics).StartNow().Build(), TriggerConflict.Keep, cancellationToken);
    }
}
