using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// Keeps the rows of the operations fresh that this process is at work on, all by one statement, and stops those that should not
/// go on: cancelled ones whose notification was lost, and ones that another process has taken over.
/// </summary>
internal sealed class OperationHeartbeat(RunningOperations running, IServiceScopeFactory scopes, TimeProvider clock, ILogger<OperationHeartbeat> logger)
    : Watch("operations that should not go on", s_interval, clock, logger)
{
    // How late a cancellation is seen whose notification was lost.
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    public override async Task LookAsync(CancellationToken cancellationToken)
    {
        var attempts = running.Attempts;
        if (attempts.Count == 0)
        {
            return;
        }

        await using var scope = scopes.CreateAsyncScope();
        var stopped = await scope.ServiceProvider.GetRequiredService<OperationLedger>()
            .KeepAliveAsync([.. attempts.Select(attempt => attempt.Operation)], cancellationToken);
        foreach (var attempt in attempts.IntersectBy(stopped, attempt => attempt.Operation.Id))
        {
            await RunningOperations.StopAsync(attempt);
        }
    }
}
