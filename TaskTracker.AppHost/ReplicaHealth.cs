using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace TaskTracker.AppHost;

/// <summary>How the dashboard learns what is wrong, in which replica, and within seconds.</summary>
internal static class ReplicaHealth
{
    /// <summary>The service is healthy while every replica that runs answers its <c>/health</c> well; else the reason is what they answer.</summary>
    /// <remarks>By the address they share, which <c>WithHttpHealthCheck</c> asks, it would be now one, now another that answers.</remarks>
    public static IResourceBuilder<ProjectResource> WithReplicaHealthCheck(this IResourceBuilder<ProjectResource> service)
    {
        var services = service.ApplicationBuilder.Services;
        var key = $"{service.Resource.Name}_check";
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            key, provider => new ReplicasCheck(service.Resource, provider.GetRequiredService<HealthWatch>()), failureStatus: null, tags: null));
        return service.WithHealthCheck(key);
    }

    /// <summary>Looks every few seconds at what is healthy, and more often at what has just started; Aspire by itself takes longer over both.</summary>
    public static void AddHealthWatch(this IDistributedApplicationBuilder builder)
    {
        builder.Services.AddSingleton<HealthWatch>();
        builder.Services.AddHostedService(services => services.GetRequiredService<HealthWatch>());
    }

    private sealed class ReplicasCheck(IResource service, HealthWatch watch) : IHealthCheck
    {
        // As long as a service itself gives each of its checks, and a little.
        private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(4);

        private static readonly HttpClient s_client = new() { Timeout = s_limit };

        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var answers = await Task.WhenAll(watch.RunningOf(service).Select(replica => AskAsync(replica, cancellationToken)));
            var reasons = answers.Where(answer => answer.Status != HealthStatus.Healthy).Select(answer => answer.Description).ToList();
            return answers.Length == 0
                ? HealthCheckResult.Unhealthy("No replica runs.")
                : new HealthCheckResult(answers.Min(answer => answer.Status), reasons.Count == 0 ? null : string.Join(' ', reasons));
        }

        private static async Task<HealthCheckResult> AskAsync(ResourceEvent replica, CancellationToken cancellationToken)
        {
            // The address of its own that the orchestrator gave it stands nowhere else.
            var urls = replica.Snapshot.EnvironmentVariables.FirstOrDefault(variable => variable.Name == "ASPNETCORE_URLS")?.Value;
            if (!Uri.TryCreate(urls?.Split(';')[0], UriKind.Absolute, out var address))
            {
                return HealthCheckResult.Unhealthy($"{replica.ResourceId} has no address yet.");
            }

            try
            {
                using var answer = await s_client.GetAsync(new Uri(address, "/health"), cancellationToken);
                using var report = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellationToken));
                var status = !answer.IsSuccessStatusCode ? HealthStatus.Unhealthy
                    : report.RootElement.GetProperty("status").ValueEquals("healthy") ? HealthStatus.Healthy
                    : HealthStatus.Degraded;
                return new HealthCheckResult(status, $"{replica.ResourceId}: {string.Join(", ", Describe(report.RootElement))}.");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return HealthCheckResult.Unhealthy(
                    $"{replica.ResourceId} has not answered for {s_limit.TotalSeconds:0} s: see its console log, and restart it if it hangs.");
            }
            catch (Exception exception) when (exception is HttpRequestException or JsonException)
            {
                return HealthCheckResult.Unhealthy($"{replica.ResourceId}: {exception.Message}");
            }
        }

        private static IEnumerable<string> Describe(JsonElement report) => report.EnumerateObject().SelectMany(part =>
            part.Value.ValueKind is JsonValueKind.Object ? Describe(part.Value) : [$"{part.Name} {part.Value}"]);
    }
}

/// <summary>
/// Knows what runs, and has Aspire look at once where something that was healthy is not any more, or has just become it: Aspire
/// asks again after 30 seconds what is healthy, after longer and longer pauses what is not, or when a resource's state changes.
/// </summary>
internal sealed partial class HealthWatch(ResourceNotificationService notifications, HealthCheckService checks, ILogger<HealthWatch> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(3);

    // Others wait for what starts.
    private static readonly TimeSpan s_startInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(30);

    private static readonly ResourceStateSnapshot s_looking = new("Looking", KnownResourceStateStyles.Info);

    private readonly ConcurrentDictionary<string, ResourceEvent> _running = new();

    /// <summary>The replicas of a resource that run.</summary>
    public IReadOnlyList<ResourceEvent> RunningOf(IResource resource) => [.. _running.Values.Where(replica => replica.Resource == resource)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(
                FollowAsync(stoppingToken),
                LookAsync(s_interval, replica => IsHealthy(replica), stoppingToken),
                LookAsync(s_startInterval, replica => !IsHealthy(replica) && DateTime.UtcNow - replica.Snapshot.StartTimeStamp < s_start, stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The application stops.
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in notifications.WatchAsync(cancellationToken))
        {
            if (change.Snapshot.State?.Text == KnownResourceStates.Running)
            {
                _running[change.ResourceId] = change;
            }
            else if (change.Snapshot.State != s_looking)
            {
                _running.TryRemove(change.ResourceId, out _);
            }
        }
    }

    private static bool IsHealthy(ResourceEvent replica) => replica.Snapshot.HealthStatus == HealthStatus.Healthy;

    private async Task LookAsync(TimeSpan interval, Func<ResourceEvent, bool> isLookedAt, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(interval);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            await Task.WhenAll(_running.Values
                .Where(isLookedAt)
                .DistinctBy(replica => replica.Resource)
                .Select(replica => LookAsync(replica, cancellationToken)));
        }
    }

    private async Task LookAsync(ResourceEvent replica, CancellationToken cancellationToken)
    {
        var keys = replica.Resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key).ToHashSet();
        try
        {
            var report = await checks.CheckHealthAsync(check => keys.Contains(check.Name), cancellationToken);
            if (report.Status == HealthStatus.Healthy != IsHealthy(replica))
            {
                await ChangeStateAsync(replica, KnownResourceStates.Running, s_looking);
                await ChangeStateAsync(replica, s_looking.Text, replica.Snapshot.State!);
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogFailed(replica.Resource.Name, exception.Message);
        }
    }

    private Task ChangeStateAsync(ResourceEvent replica, string from, ResourceStateSnapshot to) =>
        notifications.PublishUpdateAsync(replica.Resource, replica.ResourceId, snapshot => snapshot.State?.Text == from ? snapshot with { State = to } : snapshot);

    [LoggerMessage(LogLevel.Warning, "How '{Resource}' is could not be found out: {Reason}")]
    private partial void LogFailed(string resource, string reason);
}
