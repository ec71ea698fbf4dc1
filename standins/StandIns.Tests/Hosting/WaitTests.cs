using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace StandIns.Tests.Hosting;

public class WaitTests
{
    [Fact]
    public async Task A_resource_waits_until_the_other_is_healthy_and_its_ready_event_was_handled()
    {
        await using var app = new TestApplication();
        var isWell = false;
        var handled = new TaskCompletionSource();
        app.Builder.Services.AddHealthChecks().AddCheck("db_check", () => isWell ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("starting up"));
        var database = app.Builder.AddExecutable("db", "db", ".").WithHealthCheck("db_check").OnResourceReady((_, _, _) => handled.Task);
        var api = app.Builder.AddExecutable("api", "api", ".").WaitFor(database);
        await app.StartAsync();

        var wait = app.Notifications.WaitForDependenciesAsync(api.Resource, app.Limit);
        await app.Notifications.WaitForResourceAsync("api", KnownResourceStates.Waiting, app.Limit);
        await app.PublishAsync(database.Resource, KnownResourceStates.Running);
        await app.Notifications.WaitForResourceAsync("db", change => change.Snapshot.HealthReports is [{ Status: HealthStatus.Unhealthy, Description: "starting up" }], app.Limit);
        Assert.False(wait.IsCompleted);

        isWell = true;
        await app.Notifications.WaitForResourceAsync("db", change => change.Snapshot.HealthStatus == HealthStatus.Healthy, app.Limit);
        Assert.False(wait.IsCompleted);

        handled.SetResult();
        await wait;
        Assert.Contains("Finished waiting for resource 'db'.", await app.LogOfAsync(api.Resource), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FailedToStart", "failed to start")]
    [InlineData("Finished", "entered the 'Finished' state prematurely")]
    public async Task A_dependency_that_fails_or_ends_ends_the_wait_where_there_is_no_dashboard(string state, string why)
    {
        await using var app = new TestApplication();
        var database = app.Builder.AddExecutable("db", "db", ".");
        var api = app.Builder.AddExecutable("api", "api", ".").WaitFor(database);

        var wait = app.Notifications.WaitForDependenciesAsync(api.Resource, app.Limit);
        await app.PublishAsync(database.Resource, state);

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => wait);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Completion_is_waited_for_with_its_exit_code()
    {
        await using var app = new TestApplication();
        var migrations = app.Builder.AddExecutable("migrations", "m", ".");
        var api = app.Builder.AddExecutable("api", "api", ".").WaitForCompletion(migrations);

        var first = app.Notifications.WaitForDependenciesAsync(api.Resource, app.Limit);
        await app.PublishAsync(migrations.Resource, KnownResourceStates.Finished, exitCode: 3);
        await Assert.ThrowsAsync<DistributedApplicationException>(() => first);

        await app.PublishAsync(migrations.Resource, KnownResourceStates.Finished, exitCode: 0);
        await app.Notifications.WaitForDependenciesAsync(api.Resource, app.Limit);
    }

    [Fact]
    public async Task A_restarted_resource_must_become_healthy_and_ready_again()
    {
        await using var app = new TestApplication();
        var ready = 0;
        var database = app.Builder.AddExecutable("db", "db", ".").OnResourceReady((_, _, _) => Task.FromResult(Interlocked.Increment(ref ready)));
        await app.StartAsync();

        await app.PublishAsync(database.Resource, KnownResourceStates.Running);
        await app.Notifications.WaitForResourceHealthyAsync("db", app.Limit);
        await app.PublishAsync(database.Resource, KnownResourceStates.Exited);
        await app.PublishAsync(database.Resource, KnownResourceStates.Running);
        await app.Notifications.WaitForResourceHealthyAsync("db", app.Limit);

        Assert.Equal(2, ready);
    }

    [Fact]
    public async Task A_change_of_state_has_the_checks_run_at_once_and_is_no_restart()
    {
        await using var app = new TestApplication();
        var (isWell, ready) = (true, 0);
        app.Builder.Services.AddHealthChecks().AddCheck("db_check", () => isWell ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("it hangs"));
        var database = app.Builder.AddExecutable("db", "db", ".").WithHealthCheck("db_check").OnResourceReady((_, _, _) => Task.FromResult(Interlocked.Increment(ref ready)));
        await app.StartAsync();
        await app.PublishAsync(database.Resource, KnownResourceStates.Running);
        await app.Notifications.WaitForResourceHealthyAsync("db", app.Limit);

        // By itself it would be asked again half a minute later.
        isWell = false;
        await app.PublishAsync(database.Resource, "Looking");
        await app.PublishAsync(database.Resource, KnownResourceStates.Running);
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await app.Notifications.WaitForResourceAsync("db", change => change.Snapshot.HealthReports is [{ Description: "it hangs" }], soon.Token);

        isWell = true;
        await app.Notifications.WaitForResourceHealthyAsync("db", app.Limit);
        Assert.Equal(1, ready);
    }

    [Fact]
    public async Task Each_replica_is_waited_for_also_one_that_starts_late()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".");
        api.Resource.Annotations.Add(new DcpInstancesAnnotation([new("api-a", "a", 0), new("api-b", "b", 1)]));
        var jobs = app.Builder.AddExecutable("jobs", "jobs", ".").WaitFor(api);
        await app.StartAsync();

        var wait = app.Notifications.WaitForDependenciesAsync(jobs.Resource, app.Limit);
        await app.Notifications.PublishUpdateAsync(api.Resource, "api-a", snapshot => snapshot with { State = KnownResourceStates.Running });
        await app.Notifications.WaitForResourceAsync("api", change => change.ResourceId == "api-a" && change.Snapshot.ReadyHandlers is not null, app.Limit);
        Assert.False(wait.IsCompleted);

        await app.Notifications.PublishUpdateAsync(api.Resource, "api-b", snapshot => snapshot with { State = KnownResourceStates.Running });
        await wait;
    }

    [Fact]
    public async Task Waiting_for_a_resource_that_does_not_exist_fails_at_once()
    {
        await using var app = new TestApplication();

        await Assert.ThrowsAsync<DistributedApplicationException>(() => app.Notifications.WaitForResourceHealthyAsync("nobody", app.Limit));
    }

    [Fact]
    public async Task A_wait_that_is_given_up_says_how_the_resource_was()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".");
        await app.PublishAsync(api.Resource, KnownResourceStates.Starting);
        using var now = new CancellationTokenSource();

        var wait = app.Notifications.WaitForResourceAsync("api", cancellationToken: now.Token);
        await now.CancelAsync();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Contains("api is in state 'Starting'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resource_cannot_wait_for_itself()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".");

        Assert.Throws<DistributedApplicationException>(() => api.WaitFor(api));
    }
}
