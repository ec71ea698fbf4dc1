using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using TaskTracker.Tests.Browser;
using TaskTracker.Tests.Chaos;
using Xunit.Abstractions;

namespace TaskTracker.Tests.AppHost;

/// <summary>What stops or hangs is seen within seconds, with a reason, and so is its return. Over a system of its own.</summary>
[Collection(ChaosTests.Name)]
public sealed class OutageTests(RunningSystem system, ITestOutputHelper output) : IClassFixture<RunningSystem>
{
    private static readonly TimeSpan SeenLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReturnLimit = TimeSpan.FromSeconds(60);

    [Fact]
    public Task A_cache_that_is_stopped_is_seen_and_so_is_its_return() => StopAsync("cache", async () =>
    {
        await SeeAsync("api", change => Is(change, HealthStatus.Degraded, "redis disconnected"));
        await SeeAnswerAsync("degraded", health => health.GetProperty("redis").GetString() == "disconnected");
    });

    [Fact]
    public Task A_database_that_is_stopped_is_seen_and_so_is_its_return() => StopAsync("tasktracker", async () =>
    {
        await SeeAsync("api", change => Is(change, HealthStatus.Unhealthy, "database disconnected"));
        await SeeAsync("jobs", change => Is(change, HealthStatus.Unhealthy, "TaskTrackerDbContext unhealthy"));
        await SeeAnswerAsync("unhealthy", health => health.GetProperty("database").GetString() == "disconnected" && health.GetProperty("jobs").GetString() == "unknown");
    });

    [Fact]
    public async Task A_replica_that_dies_is_seen_and_so_is_its_return()
    {
        var replica = await HealthyAsync("jobs");

        Send("KILL", replica);
        try
        {
            var dead = await SeeAsync("jobs", change => change.ResourceId == replica.ResourceId && IsOver(change));
            Assert.NotEqual(0, dead.Snapshot.ExitCode);
            // The one that is left does the work.
            await SeeAsync("jobs", change => change.ResourceId != replica.ResourceId && change.Snapshot.HealthStatus == HealthStatus.Healthy);
        }
        finally
        {
            await RunAsync(replica, "start");
        }

        await EverythingHealthyAsync();
    }

    [Fact]
    public async Task What_hangs_is_seen_and_so_is_that_it_goes_on()
    {
        var (jobs, cache) = (await HealthyAsync("jobs"), await HealthyAsync("cache"));

        Send("STOP", jobs, cache);
        try
        {
            await Task.WhenAll(
                SeeAsync("jobs", change => Is(change, HealthStatus.Unhealthy, $"{jobs.ResourceId} has not answered")),
                SeeAsync("cache", change => Is(change, HealthStatus.Unhealthy, "Redis does not answer")));
        }
        finally
        {
            Send("CONT", jobs, cache);
        }

        await EverythingHealthyAsync();
    }

    [BrowserFact]
    public async Task What_hangs_is_shown_in_the_dashboard_with_its_reason()
    {
        var cache = await HealthyAsync("cache");
        try
        {
            await BrowserFlow.RunAsync(
                "outage",
                system,
                output,
                (asked, _) =>
                {
                    Send(asked == "freeze" ? "STOP" : "CONT", cache);
                    return Task.CompletedTask;
                });
        }
        finally
        {
            Send("CONT", cache);
        }

        await EverythingHealthyAsync();
    }

    private static void Send(string signal, params ResourceEvent[] processes)
    {
        foreach (var process in processes)
        {
            Signals.Send(signal, ProcessOf(process));
        }
    }

    private async Task StopAsync(string name, Func<Task> see)
    {
        var resource = await HealthyAsync(name);
        await RunAsync(resource, "stop");
        try
        {
            await SeeAsync(name, IsOver);
            await see();
        }
        finally
        {
            await RunAsync(resource, "start");
        }

        await EverythingHealthyAsync();
    }

    private static bool Is(ResourceEvent change, HealthStatus status, string reason) =>
        change.Snapshot.HealthStatus == status && Reason(change).Contains(reason, StringComparison.Ordinal);

    private static bool IsOver(ResourceEvent change) => KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text);

    private static string Reason(ResourceEvent change) => string.Join(' ', change.Snapshot.HealthReports.Select(report => report.Description));

    private static int ProcessOf(ResourceEvent change) =>
        Convert.ToInt32(change.Snapshot.Properties.First(property => property.Name == "executable.pid").Value, CultureInfo.InvariantCulture);

    private async Task<ResourceEvent> HealthyAsync(string name)
    {
        using var limit = new CancellationTokenSource(ReturnLimit);
        return await system.App.ResourceNotifications.WaitForResourceHealthyAsync(name, limit.Token);
    }

    private async Task<ResourceEvent> SeeAsync(string name, Func<ResourceEvent, bool> isIt)
    {
        using var limit = new CancellationTokenSource(SeenLimit);
        var start = DateTimeOffset.UtcNow;
        var seen = await system.App.ResourceNotifications.WaitForResourceAsync(name, isIt, limit.Token);
        output.WriteLine($"{(DateTimeOffset.UtcNow - start).TotalSeconds:0.0} s: {seen.ResourceId} is {seen.Snapshot.State?.Text} {seen.Snapshot.HealthStatus}. {Reason(seen)}");
        return seen;
    }

    private async Task SeeAnswerAsync(string status, Func<JsonElement, bool> isIt) => await Eventually.GetAsync($"/health is {status} and names the cause", SeenLimit, async token =>
    {
        using var client = system.App.CreateHttpClient("api", "http");
        using var answer = await client.GetAsync("/health", token);
        var health = await answer.Content.ReadFromJsonAsync<JsonElement>(token);
        return health.GetProperty("status").GetString() == status && isIt(health) ? "seen" : null;
    });

    private async Task EverythingHealthyAsync()
    {
        using var limit = new CancellationTokenSource(ReturnLimit);
        var start = DateTimeOffset.UtcNow;
        var healthy = new HashSet<string>();
        await foreach (var change in system.App.ResourceNotifications.WatchAsync(limit.Token))
        {
            _ = change.Snapshot.HealthStatus == HealthStatus.Healthy && !change.Snapshot.IsHidden && change.Snapshot.ResourceType != "Parameter"
                ? healthy.Add(change.ResourceId)
                : healthy.Remove(change.ResourceId);
            if (healthy.Count == 6)
            {
                break;
            }
        }

        output.WriteLine($"everything was healthy {(DateTimeOffset.UtcNow - start).TotalSeconds:0.0} s after the return");
    }

    private async Task RunAsync(ResourceEvent resource, string command)
    {
        using var limit = new CancellationTokenSource(ReturnLimit);
        var result = await system.App.ResourceCommands.ExecuteCommandAsync(resource.ResourceId, command, limit.Token);
        Assert.True(result.Success, result.Message);
    }
}
