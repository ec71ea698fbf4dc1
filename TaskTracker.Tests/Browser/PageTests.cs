using System.Diagnostics;
using Aspire.Hosting.ApplicationModel;
using TaskTracker.Tests.AppHost;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Browser;

/// <summary>The page as people use it: a browser against the whole system. Each test is a flow in <c>flows/</c>, driven by Playwright.</summary>
[Collection(nameof(RunningSystem))]
public sealed class PageTests(RunningSystem system, ITestOutputHelper output)
{
    [BrowserFact]
    public Task Somebody_registers_logs_in_and_out_and_stays_logged_in() => RunAsync("account");

    [BrowserFact]
    public Task Tasks_are_added_found_edited_completed_and_deleted() => RunAsync("tasks");

    [BrowserFact]
    public Task Many_tasks_are_changed_at_once_exported_and_counted() => RunAsync("many");

    [BrowserFact]
    public Task Reminders_arrive_live() => RunAsync("reminders");

    [BrowserFact]
    public Task Channels_of_reminders_are_turned_on_and_off() => RunAsync("settings");

    [BrowserFact]
    public Task Two_users_in_two_browsers_do_not_meet() => RunAsync("two-users");

    [BrowserFact]
    public Task Nothing_is_lost_with_the_connection_or_with_a_replica() => RunAsync("connection");

    [BrowserFact]
    public Task The_page_fits_a_phone() => RunAsync("phone");

    [BrowserFact]
    public Task The_page_is_accessible_light_and_dark_and_by_keyboard_alone() => RunAsync("accessible");

    private Task RunAsync(string flow) => BrowserFlow.RunAsync(flow, system, output, AnswerAsync);

    private Task AnswerAsync(string asked, CancellationToken cancellationToken) => asked switch
    {
        "kill a replica of the API" => KillReplicaAsync("api", cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(asked), asked, "No flow may ask for this."),
    };

    /// <summary>Ends one of the processes without a warning, and starts it again for the tests that follow.</summary>
    private async Task KillReplicaAsync(string name, CancellationToken cancellationToken)
    {
        var replica = await FindAsync(_ => true);
        var pid = Convert.ToInt32(ProcessOf(replica), System.Globalization.CultureInfo.InvariantCulture);
        using (var process = Process.GetProcessById(pid))
        {
            process.Kill();
            await process.WaitForExitAsync(cancellationToken);
        }

        await FindAsync(change => change.ResourceId == replica.ResourceId && KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text));
        var started = await system.App.ResourceCommands.ExecuteCommandAsync(replica.ResourceId, "start", cancellationToken);
        Assert.True(started.Success, started.Message);
        await FindAsync(change => change.ResourceId == replica.ResourceId && change.Snapshot.State?.Text == KnownResourceStates.Running
            && !Equals(ProcessOf(change), ProcessOf(replica)) && change.Snapshot.HealthStatus == Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy);

        async Task<ResourceEvent> FindAsync(Func<ResourceEvent, bool> isIt)
        {
            await foreach (var change in system.App.ResourceNotifications.WatchAsync(cancellationToken))
            {
                if (change.Resource.Name == name && ProcessOf(change) is not null && isIt(change))
                {
                    return change;
                }
            }

            throw new InvalidOperationException($"No replica of '{name}' is as it should be.");
        }
    }

    private static object? ProcessOf(ResourceEvent change) =>
        change.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value;
}
