using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Quartz;
using TaskTracker.Api.Operators;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Operators;

/// <summary>Runs under way and runs that have ended: cancelling, retrying, history and statistics.</summary>
[Collection(OperatorTestsCollection.Name)]
public sealed class RunTests(OperatorsFixture fixture, ITestOutputHelper output)
{
    private const string Reminders = "send_task_reminder";
    private const string Exports = "export_user_tasks";
    private const string BulkUpdates = "bulk_update_tasks";

    [Fact]
    public async Task A_long_run_of_any_job_is_cancelled_in_the_other_process()
    {
        var held = await HoldRemindersAsync();
        await using (held.Connection)
        {
            var run = await fixture.RunningAsync(Reminders);
            var id = run.GetProperty("id").GetString()!;
            Assert.Equal(JsonValueKind.Null, run.GetProperty("operation_id").ValueKind);
            Assert.Contains(await RunsOfNodesAsync(), node => node == (run.GetProperty("node").GetString(), id));

            var asked = Stopwatch.GetTimestamp();
            await fixture.Admin.ActAsync($"/ops/runs/{id}/cancel", HttpStatusCode.Accepted);
            var ended = await fixture.FirstAsync("the end", $"/ops/history?job={Reminders}", entry => entry.GetProperty("id").GetString() == id);
            output.WriteLine($"ended and in the history {Stopwatch.GetElapsedTime(asked).TotalMilliseconds:0} ms after the request");

            Assert.Equal("cancelled", ended.GetProperty("result").GetString());
            await fixture.Admin.ActAsync($"/ops/runs/{id}/cancel", HttpStatusCode.Conflict);
            await fixture.Admin.ActAsync($"/ops/runs/{id}/retry", HttpStatusCode.Conflict);
        }

        await Eventually.TrueAsync(
            "the reminder goes out all the same", async () => await fixture.QueryAsync<long>($"select count(*) from notifications where task_id = {held.Task}") == 1);
    }

    [Fact]
    public async Task The_notification_alone_cancels_a_run()
    {
        var held = await HoldRemindersAsync();
        await using (held.Connection)
        {
            var id = (await fixture.RunningAsync(Reminders)).GetProperty("id").GetString()!;

            await OperationClient.ExecuteAsync(fixture.Database, $"select pg_notify('{WakeUp.CancelChannel}', '{id}')");

            var ended = await fixture.FirstAsync("the end", $"/ops/history?job={Reminders}", entry => entry.GetProperty("id").GetString() == id);
            Assert.Equal("cancelled", ended.GetProperty("result").GetString());
        }
    }

    [Fact]
    public async Task Cancelling_an_attempt_cancels_its_operation()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("held");
        await using var holder = await fixture.HoldAsync($"select from tasks where id = {task} for update");
        var operation = await user.Client.StartBulkUpdateAsync([task], new { completed = true });

        var run = await fixture.RunningAsync(BulkUpdates);
        Assert.Equal(operation, run.GetProperty("operation_id").GetGuid());
        Assert.True(run.GetProperty("running_seconds").GetDouble() >= 0);
        await fixture.Admin.ActAsync($"/ops/runs/{run.GetProperty("id").GetString()}/cancel", HttpStatusCode.Accepted);

        Assert.Equal("cancelled", (await user.Client.EndOfAsync(operation)).GetProperty("status").GetString());
        await fixture.Admin.ActAsync($"/ops/runs/{operation}/retry", HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Work_that_always_fails_shows_its_error_in_the_history_and_is_done_again_when_asked()
    {
        var user = await fixture.Api.CreateUserAsync();
        await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/pause", HttpStatusCode.OK, new { reason = "to break its data" });
        var operation = await user.Client.StartExportAsync("csv");
        var input = "update operations set input = '{0}' where id = '" + operation + "'";
        await OperationClient.ExecuteAsync(fixture.Database, input.Replace("{0}", """{"format":"parquet"}""", StringComparison.Ordinal));
        await fixture.Admin.ActAsync($"/ops/jobs/{Exports}/resume", HttpStatusCode.OK);
        Assert.Equal("failed", (await user.Client.EndOfAsync(operation)).GetProperty("status").GetString());

        var url = $"/ops/history?operation_id={operation}&result=failed";
        await Eventually.TrueAsync("four failed attempts are in the history", async () => (await fixture.Admin.ItemsAsync(url)).Count == 4);
        var attempts = await fixture.Admin.ItemsAsync(url);
        Assert.All(attempts, attempt => Assert.Contains("JSON value", attempt.GetProperty("error").GetString(), StringComparison.Ordinal));
        Assert.Equal([3, 2, 1, 0], attempts.Select(attempt => attempt.GetProperty("retry").GetInt32()));
        Assert.Equal([false, true, true, true], attempts.Select(attempt => attempt.GetProperty("will_retry").GetBoolean()));
        Assert.Equal(4, (await fixture.Admin.ItemsAsync(url + "&error=json%20VALUE")).Count);
        Assert.Empty(await fixture.Admin.ItemsAsync(url + "&error=no%25such"));

        await OperationClient.ExecuteAsync(fixture.Database, input.Replace("{0}", """{"format":"csv"}""", StringComparison.Ordinal));
        await fixture.Admin.ActAsync($"/ops/runs/{attempts[0].GetProperty("id").GetString()}/retry", HttpStatusCode.Accepted);

        Assert.Equal("completed", (await user.Client.EndOfAsync(operation)).GetProperty("status").GetString());
        Assert.Equal(5, await fixture.QueryAsync<int>($"select attempt from operations where id = '{operation}'"));
        await fixture.Admin.ActAsync($"/ops/runs/{operation}/retry", HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task A_bulk_update_that_failed_goes_on_behind_what_it_had_done()
    {
        var user = await fixture.Api.CreateUserAsync();
        var (first, second) = (await user.Client.CreateTaskAsync("first"), await user.Client.CreateTaskAsync("second"));
        var id = Guid.NewGuid();
        await OperationClient.ExecuteAsync(
            fixture.Database,
            $$"""
            insert into operations (id, owner_id, kind, status, progress, input, result, error, attempt, attempt_limit, created_at, seen_at, finished_at)
            values ('{{id}}', {{user.Id}}, 'bulk_update', 'failed', 50,
                '{"task_ids":[{{first}},{{second}}],"changes":{"title":"changed","description":null,"completed":null,"moves_deadline":false,"deadline":null} }',
                '{"updated":1,"not_found":[]}', 'as if', 11, 10, now(), now(), now())
            """);

        await fixture.Admin.ActAsync($"/ops/runs/{id}/retry", HttpStatusCode.Accepted);

        var ended = await user.Client.EndOfAsync(id);
        Assert.Equal(("completed", 2), (ended.GetProperty("status").GetString(), ended.GetProperty("result").GetProperty("updated").GetInt32()));
        Assert.Equal(["first", "changed"], (await user.Client.GetTitlesAsync("/tasks?sort=created_at")));
    }

    [Fact]
    public async Task A_failed_run_of_a_job_that_needs_no_request_is_run_again()
    {
        var (id, from) = ($"failed-{Guid.NewGuid():N}", DateTimeOffset.UtcNow.AddSeconds(-1));
        await AddHistoryAsync(Reminders, 1, id, JobRunResult.Failed);
        await AddHistoryAsync(Reminders, 1, id + "-retried", JobRunResult.Failed, willRetry: true);

        await fixture.Admin.ActAsync($"/ops/runs/{id}-1/retry", HttpStatusCode.Accepted);
        await fixture.Admin.ActAsync($"/ops/runs/{id}-retried-1/retry", HttpStatusCode.Conflict);

        await fixture.FirstAsync("the run", $"/ops/history?job={Reminders}&from={from:yyyy-MM-ddTHH:mm:ss}Z", run => run.GetProperty("manual").GetBoolean());
    }

    [Fact]
    public async Task A_thousand_runs_are_paged_through_each_once_the_latest_first()
    {
        var job = $"paged_{Guid.NewGuid():N}";
        await AddHistoryAsync(job, 1_000, job, JobRunResult.Succeeded);

        var found = new List<(DateTimeOffset StartedAt, string Id)>();
        var url = $"/ops/history?job={job}&limit=150";
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await fixture.Admin.GetFromJsonAsync<JsonElement>(cursor.Length == 0 ? url : $"{url}&cursor={cursor}");
            found.AddRange(page.GetProperty("items").EnumerateArray().Select(run => (run.GetProperty("started_at").GetDateTimeOffset(), run.GetProperty("id").GetString()!)));
            cursor = page.GetProperty("next_cursor").GetString();
        }

        Assert.Equal(1_000, found.Count);
        Assert.Equal(1_000, found.Select(run => run.Id).Distinct().Count());
        Assert.Equal(found.Select(run => run.StartedAt).OrderDescending(), found.Select(run => run.StartedAt));

        var middle = found[500].StartedAt;
        Assert.Equal(found.Count(run => run.StartedAt >= middle), await CountAsync($"from={middle:yyyy-MM-ddTHH:mm:ss.ffffff}Z"));
        Assert.Equal(found.Count(run => run.StartedAt < middle), await CountAsync($"before={middle:yyyy-MM-ddTHH:mm:ss.ffffff}Z"));
        Assert.Equal(1_000, await CountAsync("node=a-node"));
        Assert.Equal(0, await CountAsync("node=another"));
        Assert.Equal(0, await CountAsync("result=failed"));

        async Task<int> CountAsync(string filter)
        {
            var count = 0;
            for (string? cursor = ""; cursor is not null;)
            {
                var page = await fixture.Admin.GetFromJsonAsync<JsonElement>($"/ops/history?job={job}&{filter}&limit=200{(cursor.Length == 0 ? "" : $"&cursor={cursor}")}");
                count += page.GetProperty("items").GetArrayLength();
                cursor = page.GetProperty("next_cursor").GetString();
            }

            return count;
        }
    }

    [Fact]
    public async Task Statistics_count_by_result_and_tell_percentiles()
    {
        var job = $"counted_{Guid.NewGuid():N}";
        await AddHistoryAsync(job, 100, job, JobRunResult.Succeeded);
        await AddHistoryAsync(job, 2, job + "f", JobRunResult.Failed, minutesAgo: 120);
        await AddHistoryAsync(job, 1, job + "s", JobRunResult.Skipped);
        var user = await fixture.Api.CreateUserAsync();
        await user.Client.ExportAsync();

        var last = await StatisticsOfAsync(job, hours: 1);
        var day = await StatisticsOfAsync(job, hours: 24);
        await Eventually.TrueAsync("real runs are counted", async () =>
            (await fixture.Admin.ItemsAsync("/ops/statistics")).Any(item => item.GetProperty("job").GetString() == Exports && item.GetProperty("p95_ms").GetDouble() > 0));

        Assert.Equal((101, 100, 0, 1), (Number(last, "runs"), Number(last, "succeeded"), Number(last, "failed"), Number(last, "skipped")));
        Assert.Equal((50, 95, 100), (Number(last, "p50_ms"), Number(last, "p95_ms"), Number(last, "max_ms")));
        Assert.Equal((103, 2), (Number(day, "runs"), Number(day, "failed")));

        static double Number(JsonElement statistics, string name) => statistics.GetProperty(name).GetDouble();

        async Task<JsonElement> StatisticsOfAsync(string name, int hours) =>
            (await fixture.Admin.ItemsAsync($"/ops/statistics?hours={hours}")).Single(item => item.GetProperty("job").GetString() == name);
    }

    [Theory]
    [InlineData("history?result=bad", "result")]
    [InlineData("history?limit=0", "limit")]
    [InlineData("history?limit=201", "limit")]
    [InlineData("history?from=yesterday", "from")]
    [InlineData("history?before=1", "before")]
    [InlineData("history?operation_id=7", "operation_id")]
    [InlineData("history?cursor=x", "cursor")]
    [InlineData("history?error=%00", "error")]
    [InlineData("history?node=%00", "node")]
    [InlineData("statistics?hours=0", "hours")]
    [InlineData("statistics?hours=721", "hours")]
    [InlineData("running?limit=x", "limit")]
    [InlineData("running?cursor=x", "cursor")]
    [InlineData("audit?cursor=x", "cursor")]
    public async Task Bad_input_names_the_field(string url, string field)
    {
        using var response = await fixture.Admin.GetAsync($"/ops/{url}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty(field, out _));
    }

    [Theory]
    [InlineData("jobs/{0}/run", "name")]
    [InlineData("runs/{0}/cancel", "id")]
    public async Task A_name_that_cannot_be_is_refused(string url, string field)
    {
        var problem = await fixture.Admin.ActAsync($"/ops/{url.Replace("{0}", new string('x', 201), StringComparison.Ordinal)}", HttpStatusCode.BadRequest);

        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _));
    }

    [Fact]
    public async Task A_run_that_another_node_recovered_is_known_by_its_input()
    {
        var (operation, key) = (Guid.NewGuid(), new TriggerKey($"recover-{Guid.NewGuid():N}", SchedulerConstants.DefaultRecoveryGroup));
        var scheduler = await fixture.Api.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        await scheduler.ScheduleJob(TriggerBuilder.Create<IJob<OperationFiring>>()
            .WithIdentity(key).ForJob(JobKeys.ExportUserTasks).UsingInput(new OperationFiring(operation)).StartAt(DateTimeOffset.UtcNow.AddDays(1)).Build());

        var found = await OperationFirings.FindOperationsAsync(scheduler, [key], CancellationToken.None);
        await scheduler.UnscheduleJob(key);

        Assert.Equal(operation, found[key]);
    }

    [Fact]
    public async Task The_history_survives_restarts()
    {
        var database = await JobsDatabase.CreateAsync();
        var settings = new Dictionary<string, string> { ["Operations:Key"] = OperatorsFixture.Key };
        var first = new JobsHost(database.ConnectionString);
        await JobsHost.StartAsync(first);
        Guid export;
        await using (var api = new ApiFactory(database.ConnectionString, "127.0.0.1:1", settings: settings))
        {
            var user = await api.CreateUserAsync();
            export = Guid.Parse(await user.Client.ExportAsync());
        }

        await first.DisposeAsync();
        await using var second = new JobsHost(database.ConnectionString);
        await JobsHost.StartAsync(second);
        await using var after = new ApiFactory(database.ConnectionString, "127.0.0.1:1", settings: settings);
        using var client = after.CreateClient();
        client.DefaultRequestHeaders.Add(OperatorKey.Header, OperatorsFixture.Key);

        var run = Assert.Single(await client.ItemsAsync($"/ops/history?operation_id={export}"));
        Assert.Equal(("succeeded", "0 tasks exported"), (run.GetProperty("result").GetString(), run.GetProperty("summary").GetString()));
    }

    // A reminder is due whose delivery waits for as long as the connection is open.
    private async Task<(Npgsql.NpgsqlConnection Connection, long Task)> HoldRemindersAsync()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("due");
        var holder = await fixture.HoldAsync("lock table notifications in exclusive mode");
        await OperationClient.ExecuteAsync(
            fixture.Database,
            $"""
            update tasks set deadline = now() where id = {task};
            insert into reminders (task_id, lead_time, due_at) select id, interval '0', deadline from tasks where id = {task};
            select pg_notify('{WakeUp.Channel}', '');
            """);

        return (holder, task);
    }

    private async Task<List<(string?, string?)>> RunsOfNodesAsync() =>
        [.. (await fixture.Admin.ItemsAsync("/ops/nodes")).SelectMany(node => node.GetProperty("running").EnumerateArray()
            .Select(run => (node.GetProperty("id").GetString(), run.GetProperty("id").GetString())))];

    // Runs as Quartz writes them, two of each started at the same moment, the n-th of n milliseconds.
    private Task AddHistoryAsync(string job, int count, string id, JobRunResult result, bool willRetry = false, int minutesAgo = 1)
    {
        var end = DateTimeOffset.UtcNow.AddMinutes(-minutesAgo);
        return OperationClient.ExecuteAsync(
            fixture.Database,
            $"""
            insert into qrtz_execution_history (
                sched_name, entry_id, instance_name, job_name, job_group, trigger_name, trigger_group, fired_time, run_time, succeeded,
                retry_scheduled, result, fire_instance_id)
            select 'tasktracker', '{id}-' || n, 'a-node', '{job}', 'tasks', 'a-trigger', 'tasks',
                {end.UtcTicks / 10 * 10} - ({count} - n / 2) * 10000, n * 10000, {(result != JobRunResult.Failed ? "true" : "false")},
                {(willRetry ? "true" : "false")}, {(int)result}, '{id}-' || n
            from generate_series(1, {count}) n
            """);
    }
}
