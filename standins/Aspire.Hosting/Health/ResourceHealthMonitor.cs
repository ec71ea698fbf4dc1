using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Health;

/// <summary>
/// Runs the health checks of every resource while it runs, publishes what they say, and raises <see cref="ResourceReadyEvent"/>
/// when a resource is healthy for the first time since its start.
/// </summary>
internal sealed partial class ResourceHealthMonitor(
    ResourceNotificationService notifications,
    HealthCheckService checks,
    IDistributedApplicationEventing eventing,
    IServiceProvider services,
    TimeProvider time,
    ILogger<ResourceHealthMonitor> logger) : BackgroundService
{
    private static readonly TimeSpan s_unhealthyStep = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan s_unhealthyMaximum = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_healthyInterval = TimeSpan.FromSeconds(30);

    // DCP's proxy accepts connections while nothing listens behind it, and holds them: without a limit a check made too early would wait for ever.
    private static readonly TimeSpan s_checkLimit = TimeSpan.FromSeconds(5);

    private readonly Dictionary<IResource, Monitoring> _monitored = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var change in notifications.WatchAsync(stoppingToken))
            {
                Follow(change, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application stops, and with it the monitoring, whose token is linked to this one.
        }
    }

    // Replicas share their checks and so their health: the first to run begins the monitoring, the last to end ends it. Whenever the
    // state of one changes, the checks run at once.
    private void Follow(ResourceEvent change, CancellationToken stoppingToken)
    {
        _monitored.TryGetValue(change.Resource, out var monitoring);
        var state = change.Snapshot.State?.Text;
        if (KnownResourceStates.TerminalStates.Contains(state))
        {
            if (monitoring is not null && monitoring.States.Remove(change.ResourceId) && monitoring.States.Count == 0)
            {
                _monitored.Remove(change.Resource);
                monitoring.End.Cancel();
            }

            return;
        }

        if (monitoring is null && state == KnownResourceStates.Running)
        {
            monitoring = new Monitoring(CancellationTokenSource.CreateLinkedTokenSource(stoppingToken));
            _monitored.Add(change.Resource, monitoring);
            _ = Task.Run(() => MonitorAsync(change.Resource, monitoring), CancellationToken.None);
        }

        if (monitoring is not null && (!monitoring.States.TryGetValue(change.ResourceId, out var previous) || previous != state))
        {
            monitoring.States[change.ResourceId] = state;
            monitoring.Wake.Writer.TryWrite(true);
        }
    }

    private async Task MonitorAsync(IResource resource, Monitoring monitoring)
    {
        var cancellationToken = monitoring.End.Token;
        try
        {
            var keys = resource.HealthCheckKeys();
            var failures = 0;
            while (!cancellationToken.IsCancellationRequested)
            {
                monitoring.Wake.Reader.TryRead(out _);
                var isHealthy = await CheckAsync(resource, keys, cancellationToken);
                failures = isHealthy ? 0 : failures + 1;
                if (isHealthy)
                {
                    monitoring.Ready ??= RaiseReady(resource, cancellationToken);
                    await PublishAsync(resource, snapshot => snapshot with { ReadyHandlers = snapshot.ReadyHandlers ?? monitoring.Ready }, cancellationToken);
                }

                var pause = isHealthy ? s_healthyInterval : Min(s_unhealthyStep * failures, s_unhealthyMaximum);
                using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                enough.CancelAfter(pause);
                Task woken = monitoring.Wake.Reader.WaitToReadAsync(enough.Token).AsTask();
                await woken.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The resource ended, or the application stops.
        }
        catch (Exception exception)
        {
            LogMonitoringEnded(exception, resource.Name);
        }
    }

    private async Task<bool> CheckAsync(IResource resource, IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        if (keys.Count == 0)
        {
            return true;
        }

        var reports = await Task.WhenAll(keys.Select(key => CheckAsync(key, cancellationToken)));
        await PublishAsync(resource, snapshot => snapshot with { HealthReports = [.. reports] }, cancellationToken);
        return reports.All(report => report.Status == HealthStatus.Healthy);
    }

    // What was found out about one run of the resource must not be said of the next.
    private Task PublishAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> change, CancellationToken cancellationToken) =>
        notifications.PublishUpdateAsync(resource, snapshot =>
            !cancellationToken.IsCancellationRequested && snapshot.State?.Text == KnownResourceStates.Running ? change(snapshot) : snapshot);

    private async Task<HealthReportSnapshot> CheckAsync(string key, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(s_checkLimit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            var report = await checks.CheckHealthAsync(registration => registration.Name == key, both.Token);
            return report.Entries.TryGetValue(key, out var entry)
                ? new(key, entry.Status, entry.Description ?? entry.Exception?.Message, entry.Exception?.ToString()) { LastRunAt = Now() }
                : new(key, HealthStatus.Unhealthy, $"No health check '{key}' is registered.", null) { LastRunAt = Now() };
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            var why = limit.IsCancellationRequested ? $"No answer within {s_checkLimit.TotalSeconds:0} seconds." : exception.Message;
            return new(key, HealthStatus.Unhealthy, why, exception.ToString()) { LastRunAt = Now() };
        }
    }

    // The handlers run beside the monitoring; whoever waits for the resource waits for them, and sees their failure.
    private Task RaiseReady(IResource resource, CancellationToken cancellationToken)
    {
        var handlers = Task.Run(() => eventing.PublishAsync(new ResourceReadyEvent(resource, services), cancellationToken), CancellationToken.None);
        _ = handlers.ContinueWith(failed => LogReadyFailed(failed.Exception!.InnerException!, resource.Name), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return handlers;
    }

    private DateTime Now() => time.GetUtcNow().UtcDateTime;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed record Monitoring(CancellationTokenSource End)
    {
        internal Dictionary<string, string?> States { get; } = [];

        internal Channel<bool> Wake { get; } = Channel.CreateBounded<bool>(1);

        internal Task? Ready { get; set; }
    }

    [LoggerMessage(LogLevel.Error, "A subscriber of the ready event of resource '{Resource}' failed.")]
    private partial void LogReadyFailed(Exception exception, string resource);

    [LoggerMessage(LogLevel.Error, "The health monitoring of resource '{Resource}' ended unexpectedly.")]
    private partial void LogMonitoringEnded(Exception exception, string resource);
}
