namespace TaskTracker.Jobs.Scheduling;

/// <summary>Looks for something at an interval, on every replica. A look that fails is said, and the next one tries again.</summary>
/// <param name="what">What it looks for, as a message names it.</param>
/// <param name="interval">From look to look.</param>
/// <param name="clock">The clock that it goes by.</param>
/// <param name="logger">Where failures are said.</param>
internal abstract partial class Watch(string what, TimeSpan interval, TimeProvider clock, ILogger logger) : BackgroundService
{
    /// <summary>Looks once.</summary>
    public abstract Task LookAsync(CancellationToken cancellationToken);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(logger, what, exception.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for {What} failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string what, string reason);
}
