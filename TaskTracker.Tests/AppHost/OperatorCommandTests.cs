using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using TaskTracker.AppHost;

namespace TaskTracker.Tests.AppHost;

/// <summary>The operator's commands on the dashboard's resources, against the whole system.</summary>
[Collection(nameof(RunningSystem))]
public sealed class OperatorCommandTests(RunningSystem system)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("workers", "alive")]
    [InlineData("running", "")]
    [InlineData("queue", "send\\_task\\_reminder")]
    [InlineData("schedules", "daily\\_cleanup")]
    [InlineData("failures", "")]
    [InlineData("history", "")]
    [InlineData("statistics", "")]
    public async Task A_command_that_shows_answers_with_a_table(string command, string expected)
    {
        var result = await RunAsync("jobs", command);

        Assert.True(result.Success, result.Message);
        Assert.Equal(CommandResultFormat.Markdown, result.Data!.Format);
        Assert.True(result.Data.DisplayImmediately);
        Assert.Contains(expected, result.Data.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_are_paused_resumed_and_run_by_commands()
    {
        ExecuteCommandResult paused, schedules, resumed;
        try
        {
            paused = await RunAsync("jobs", "pause");
            schedules = await RunAsync("jobs", "schedules");
        }
        finally
        {
            // Or no other test would see its reminders.
            resumed = await RunAsync("jobs", "resume");
        }

        var run = await RunAsync("jobs", "run-daily_cleanup");

        Assert.True(paused.Success && resumed.Success && run.Success, $"{paused.Message} {resumed.Message} {run.Message}");
        Assert.Contains("paused", schedules.Data!.Value, StringComparison.Ordinal);
        Assert.DoesNotContain("paused", (await RunAsync("jobs", "schedules")).Data!.Value, StringComparison.Ordinal);
        await Eventually.TrueAsync("the run is in the history", async () =>
            (await RunAsync("jobs", "history")).Data!.Value.Contains("daily\\_cleanup", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_cache_is_asked_and_cleared_by_commands()
    {
        var status = await RunAsync("api", "cache-status");
        var cleared = await RunAsync("api", "cache-clear");

        Assert.Contains("cache working", status.Data!.Value, StringComparison.Ordinal);
        Assert.True(cleared.Success, cleared.Message);
    }

    [Theory]
    [InlineData("retry-failed")]
    [InlineData("cancel-running")]
    [InlineData("debug-logs")]
    [InlineData("normal-logs")]
    public async Task Everything_else_that_acts_says_what_it_did(string command)
    {
        var result = await RunAsync("jobs", command);

        Assert.True(result.Success, result.Message);
        Assert.NotEmpty(result.Message!);
    }

    [Fact]
    public void Text_of_others_stays_in_its_cell()
    {
        var answer = JsonDocument.Parse("""{ "items": [{ "error": "a|b <i>c</i>\nd" }, { "error": null }] }""").RootElement;

        Assert.Equal("| error |\n| --- |\n| a\\|b &lt;i>c&lt;/i> d |\n|  |\n", OperatorCommands.Markdown.Table(answer, ["error"]));
    }

    // On the first replica, as a click in the dashboard does it.
    private async Task<ExecuteCommandResult> RunAsync(string resource, string command)
    {
        using var limit = new CancellationTokenSource(Limit);
        var id = (await system.App.ResourceNotifications.WaitForResourceHealthyAsync(resource, limit.Token)).ResourceId;
        return await system.App.ResourceCommands.ExecuteCommandAsync(id, command, limit.Token);
    }
}
