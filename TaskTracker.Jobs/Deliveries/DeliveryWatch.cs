using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>
/// Looks for deliveries that are due, on every replica: at once when a commit has made some, and every second, which finds
/// second attempts and those whose taker has died. A replica that is not sending already asks for a run.
/// </summary>
internal sealed partial class DeliveryWatch(
    IServiceScopeFactory scopes, ISchedulerFactory schedulers, DeliveryRun run, ILogger<DeliveryWatch> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _asked = new(0);

    /// <summary>Looks without waiting for the next second.</summary>
    public void LookNow()
    {
        if (_asked.CurrentCount == 0)
        {
            _asked.Release();
        }
    }

    public override void Dispose()
    {
        _asked.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await _asked.WaitAsync(s_interval, stoppingToken);
            try
            {
                if (!run.IsUnderWay && await IsAnyDueAsync(stoppingToken))
                {
                    await AskForRunAsync(stoppingToken);
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception.Message);
            }
        }
    }

    private async Task<bool> IsAnyDueAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<DeliveryLedger>().IsAnyDueAsync(cancellationToken);
    }

    private async Task AskForRunAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);

        // One for each replica: what it has asked for already, or may not begin during a pause, does not pile up.
        await scheduler.ScheduleTrigger(
            TriggerBuilder.Create()
                .WithIdentity($"deliveries-{scheduler.SchedulerInstanceId}", JobKeys.TriggerGroupOf(JobKeys.DeliverNotifications))
                .ForJob(JobKeys.DeliverNotifications)
                .StartNow()
                .Build(),
            TriggerConflict.Keep,
            cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for deliveries that are due failed: {Reason}")]
    private partial void LogFailed(string reason);
}
