using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Quartz;
using TaskTracker.Jobs.Reminders;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Operators;

/// <summary>Running, pausing and resuming jobs, what is shown of them, and the cache.</summary>
[Collection(OperatorTestsCollection.Name)]
public sealed class JobControlTests(OperatorsFixture fixture)
{
    private const string Reminders = "send_task_reminder";
    private const string Exports = "export_user_tasks";

    [Fact]
    public async Task A_paused_job_does_not_begin_what_is_asked_for_meanwhile_until_it_is_resumed()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("any");

        await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/pause", HttpStatusCode.OK, new { reason = "the disk is full" });
        var export = await user.Client.StartExportAsync();
        await user.Client.EndOfAsync(await user.Client.StartBulkUpdateAsync([task], new { completed = true }));

        var waiting = await QueueOfAsync(Exports);
        Assert.Equal(0, await fixture.QueryAsync<int>($"select attempt from operations where id = '{export}'"));
        Assert.Equal(1, waiting.GetProperty("waiting").GetInt64());
        Assert.True(waiting.GetProperty("oldest_seconds").GetDouble() >= 0);
        Assert.Equal((true, "the disk is full", "operator-key"), (
            waiting.GetProperty("paused").GetBoolean(), waiting.GetProperty("pause_reason").GetString(), waiting.GetProperty("paused_by").GetString()));
        Assert.True((DateTimeOffset.UtcNow - waiting.GetProperty("paused_at").GetDateTimeOffset()).Duration() < TimeSpan.FromMinutes(5));

        await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/resume", HttpStatusCode.OK);
        Assert.Equal("completed", (await user.Client.EndOfAsync(export)).GetProperty("status").GetString());
        Assert.False((await QueueOfAsync(Exports)).GetProperty("paused").GetBoolean());
    }

    [Fact]
    public async Task Reminders_that_fall_due_in_a_pause_go_out_after_it_and_pile_nothing_up()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("late");
        await fixture.Admin.ActAsync($"/ops/jobs/{Reminders}/pause", HttpStatusCode.OK, new { reason = "the mail server is away" });
        await OperationClient.ExecuteAsync(
            fixture.Database,
            $"""
            update tasks set deadline = now() where id = {task};
            insert into reminders (task_id, lead_time, due_at) select id, interval '0', deadline from tasks where id = {task};
            """);

        var wake = fixture.Jobs.Services.GetRequiredService<ReminderWake>();
        for (var i = 0; i < 5; i++)
        {
            await wake.WakeNowAsync(CancellationToken.None);
        }

        var schedule = (await fixture.Admin.ItemsAsync("/ops/schedules")).Single(schedule => schedule.GetProperty("trigger").GetString() == "reminder-look");
        Assert.Equal(("paused", "the mail server is away"), (schedule.GetProperty("state").GetString(), schedule.GetProperty("pause_reason").GetString()));
        Assert.Equal(0, await fixture.QueryAsync<long>($"select count(*) from qrtz_triggers where trigger_name like 'reminder-now-%' and job_name = '{Reminders}'"));
        Assert.Equal(0, await fixture.QueryAsync<long>($"select count(*) from notifications where task_id = {task}"));

        await fixture.Admin.ActAsync($"/ops/jobs/{Reminders}/resume", HttpStatusCode.OK);
        await Eventually.TrueAsync("the reminder goes out", async () => await fixture.QueryAsync<long>($"select count(*) from notifications where task_id = {task}") == 1);
    }

    [Fact]
    public async Task A_job_runs_when_asked_also_while_it_is_paused()
    {
        var from = DateTimeOffset.UtcNow.AddSeconds(-1);
        await fixture.Admin.ActAsync($"/ops/jobs/{Reminders}/pause", HttpStatusCode.OK, new { reason = "a test" });

        await fixture.Admin.ActAsync($"/ops/jobs/{Reminders}/run", HttpStatusCode.Accepted);

        await fixture.FirstAsync("the run", $"/ops/history?job={Reminders}&from={from:yyyy-MM-ddTHH:mm:ss}Z", run => run.GetProperty("manual").GetBoolean());
        await fixture.Admin.ActAsync($"/ops/jobs/{Reminders}/resume", HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_needs_a_request_of_a_user_cannot_be_run()
    {
        var refusal = await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/run", HttpStatusCode.Conflict);

        Assert.Contains("retry", refusal.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("  ")]
    [InlineData("half of it \0")]
    [InlineData("long")]
    public async Task A_pause_needs_a_reason_that_can_be_kept(string? reason)
    {
        var problem = await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/pause", HttpStatusCode.BadRequest, new { reason = reason == "long" ? new string('x', 251) : reason });

        Assert.True(problem.GetProperty("errors").TryGetProperty("reason", out _));
        Assert.False((await QueueOfAsync(Exports)).GetProperty("paused").GetBoolean());
    }

    [Fact]
    public async Task The_regular_look_for_reminders_is_among_the_schedules()
    {
        var schedule = await fixture.FirstAsync("the look", "/ops/schedules", schedule => schedule.GetProperty("trigger").GetString() == "reminder-look");

        Assert.Equal((Reminders, 60.0, "waiting"), (
            schedule.GetProperty("job").GetString(), schedule.GetProperty("every_seconds").GetDouble(), schedule.GetProperty("state").GetString()));
        Assert.InRange(schedule.GetProperty("next_at").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow.AddMinutes(2));
    }

    [Fact]
    public async Task The_jobs_replica_is_the_only_node_and_alive()
    {
        var scheduler = await fixture.Jobs.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();

        var node = await fixture.FirstAsync("the node", "/ops/nodes", node => node.GetProperty("state").GetString() == "alive");

        Assert.Equal(scheduler.SchedulerInstanceId, node.GetProperty("id").GetString());
        Assert.Single(await fixture.Admin.ItemsAsync("/ops/nodes"));
    }

    [Fact]
    public async Task Clearing_the_cache_makes_every_cached_answer_unfindable()
    {
        var user = await fixture.Api.CreateUserAsync();
        await Eventually.TrueAsync("the list is cached", IsCachedAsync);

        await fixture.Admin.ActAsync("/ops/cache/clear", HttpStatusCode.OK);

        Assert.False(await IsCachedAsync());
        await Eventually.TrueAsync("the list is cached again", IsCachedAsync);

        async Task<bool> IsCachedAsync()
        {
            using var response = await user.Client.GetAsync("/tasks");
            return response.Headers.Age is not null;
        }
    }

    [Fact]
    public async Task Clearing_a_cache_that_is_away_says_so()
    {
        await using var api = new ApiFactory(fixture.Database, "127.0.0.1:1", settings: new Dictionary<string, string> { ["Operations:Key"] = OperatorsFixture.Key });
        using var client = api.CreateClient();
        client.DefaultRequestHeaders.Add("X-Operator-Key", OperatorsFixture.Key);

        var problem = await client.ActAsync("/ops/cache/clear", HttpStatusCode.ServiceUnavailable);

        Assert.Contains("Redis", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_action_is_in_the_audit_with_who_what_when_to_what_why_and_how_it_ended()
    {
        var admin = await fixture.CreateOperatorAsync("admin");
        await admin.Client.ActAsync($"/ops/jobs/{Exports}/pause", HttpStatusCode.OK, new { reason = "maintenance" });
        await admin.Client.ActAsync($"/ops/jobs/{Exports}/resume", HttpStatusCode.OK);
        await admin.Client.ActAsync($"/ops/jobs/{Exports}/run", HttpStatusCode.Conflict);
        await admin.Client.ActAsync("/ops/jobs/no_such_job/run", HttpStatusCode.NotFound);
        await admin.Client.ActAsync("/ops/cache/clear", HttpStatusCode.OK);

        var entries = (await fixture.Admin.ItemsAsync("/ops/audit")).Where(entry => entry.GetProperty("actor").GetString() == admin.Name).ToList();

        Assert.All(entries, entry => Assert.Equal(admin.Id, entry.GetProperty("user_id").GetInt32()));
        Assert.All(entries, entry => Assert.True((DateTimeOffset.UtcNow - entry.GetProperty("at").GetDateTimeOffset()).Duration() < TimeSpan.FromMinutes(5)));
        Assert.Equal(
            [
                ("clear", "cache", "done", null),
                ("run", "no_such_job", "refused", null),
                ("run", Exports, "refused", null),
                ("resume", Exports, "done", null),
                ("pause", Exports, "done", "maintenance"),
            ],
            entries.Select(entry => (
                entry.GetProperty("action").GetString()!,
                entry.GetProperty("target").GetString()!,
                entry.GetProperty("outcome").GetString()!,
                entry.GetProperty("reason").GetString())));
        Assert.Contains("retry", entries[2].GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_audit_comes_page_by_page()
    {
        for (var i = 0; i < 5; i++)
        {
            await fixture.Admin.ActAsync($"/ops/jobs/no_such_job_{i}/resume", HttpStatusCode.NotFound);
        }

        var first = await fixture.Admin.GetFromJsonAsync<JsonElement>("/ops/audit?limit=2");
        var second = await fixture.Admin.ItemsAsync($"/ops/audit?limit=2&cursor={first.GetProperty("next_cursor").GetString()}");

        var targets = first.GetProperty("items").EnumerateArray().Concat(second).Select(entry => entry.GetProperty("target").GetString());
        Assert.Equal(["no_such_job_4", "no_such_job_3", "no_such_job_2", "no_such_job_1"], targets);
    }

    [Fact]
    public async Task An_action_whose_entry_cannot_be_written_is_not_done()
    {
        var database = await JobsDatabase.CreateAsync();
        await using var jobs = new JobsHost(database.ConnectionString);
        await JobsHost.StartAsync(jobs);
        await using var api = new ApiFactory(database.ConnectionString, "127.0.0.1:1", settings: new Dictionary<string, string> { ["Operations:Key"] = OperatorsFixture.Key });
        using var client = api.CreateClient();
        client.DefaultRequestHeaders.Add("X-Operator-Key", OperatorsFixture.Key);
        await OperationClient.ExecuteAsync(database.ConnectionString, "alter table audit rename to audit_away");

        await client.ActAsync($"/ops/jobs/{Exports}/pause", HttpStatusCode.InternalServerError, new { reason = "a test" });

        Assert.Equal(0, await database.QueryAsync<long>("select count(*) from qrtz_paused_trigger_grps"));
    }

    private async Task<JsonElement> QueueOfAsync(string job) =>
        (await fixture.Admin.ItemsAsync("/ops/queue")).Single(item => item.GetProperty("job").GetString() == job);
}
