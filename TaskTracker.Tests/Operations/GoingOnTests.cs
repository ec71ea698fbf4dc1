using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Quartz;
using TaskTracker.Api.Operators;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Operations;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operators;
using TaskTracker.Tests.Telemetry;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Operations;

/// <summary>Firings that go on with what else waits. Each test has a database and replicas of its own.</summary>
public sealed class GoingOnTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    // More than a replica has room for, so that what comes behind them waits for a firing that goes on.
    private const int FillsAReplica = 25;

    private JobsDatabase _database = null!;
    private ApiFactory _api = null!;
    private HttpClient _admin = null!;
    private ApiUser _user = null!;

    public async Task InitializeAsync()
    {
        _database = await JobsDatabase.CreateAsync();
        // It brings Quartz's tables and the jobs.
        await using (var first = new JobsHost(_database.ConnectionString))
        {
            await JobsHost.StartAsync(first);
        }

        _api = new ApiFactory(_database.ConnectionString, "127.0.0.1:1", settings: new Dictionary<string, string> { ["Operations:Key"] = OperatorsFixture.Key });
        _admin = _api.CreateClient();
        _admin.DefaultRequestHeaders.Add(OperatorKey.Header, OperatorsFixture.Key);
        _user = await _api.CreateUserAsync();
    }

    public async Task DisposeAsync() => await _api.DisposeAsync();

    public void Dispose()
    {
        _admin.Dispose();
        _api.Dispose();
    }

    [Fact]
    public async Task Two_replicas_do_each_of_many_once_and_each_is_in_the_history()
    {
        const int Count = 300;
        using var spans = new KeptSpans();
        var asked = new List<Guid>();
        for (var i = 0; i < Count; i++)
        {
            asked.Add(await _user.Client.StartExportAsync());
        }

        await using var first = new JobsHost(_database.ConnectionString);
        await using var second = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(first, second);
        await EndedAsync();

        Assert.Equal(Count, await _database.QueryAsync<long>("select count(*) from operations where status = 'completed' and attempt = 1"));
        await Eventually.TrueAsync("no firing is left", async () => await _database.QueryAsync<long>("select count(*) from qrtz_triggers where trigger_name like 'operation-%'") == 0);
        await Eventually.TrueAsync("each has its line", async () => await _database.QueryAsync<long>(
            "select count(*) from operations where (select count(*) from qrtz_execution_history where position(operations.id::text in job_input) > 0 and result = 0) = 1") == Count);
        var taken = await _database.QueryAsync<long>("select count(*) from qrtz_execution_history where fire_instance_id like '%~%'");
        output.WriteLine($"{taken} of {Count} were taken by firings of others");
        Assert.InRange(taken, 1, Count);

        var one = await _database.QueryAsync<string>("select job_input::json ->> 'OperationId' from qrtz_execution_history where fire_instance_id like '%~1' limit 1");
        var line = Assert.Single(await _admin.ItemsAsync($"/ops/history?operation_id={one}"));
        Assert.Equal(("export_user_tasks", "succeeded", "0 tasks exported"), (
            line.GetProperty("job").GetString(), line.GetProperty("result").GetString(), line.GetProperty("summary").GetString()));
        var span = await spans.FindAsync("its span", found => Equals(found.GetTagItem("tasktracker.operation.id"), one));
        Assert.Equal("export_user_tasks", span.DisplayName);
        Assert.Equal((string?)span.GetTagItem("tasktracker.origin.trace_id"), Assert.Single(span.Links).Context.TraceId.ToString());
        Assert.Equal("0 tasks exported", span.GetTagItem("tasktracker.job.summary"));
    }

    [Fact]
    public async Task One_that_fails_gets_a_firing_of_its_own_and_holds_nobody_up()
    {
        await AskForExportsAsync(FillsAReplica);
        var poisoned = await _user.Client.StartExportAsync();
        await _database.ExecuteAsync($$"""update operations set input = '{"format":"secret"}' where id = '{{poisoned}}'""");
        await AskForExportsAsync(FillsAReplica);

        await using var host = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(host);
        await EndedAsync();

        Assert.Equal("failed", await _database.QueryAsync<string>($"select status from operations where id = '{poisoned}'"));
        Assert.Equal(2 * FillsAReplica, await _database.QueryAsync<long>("select count(*) from operations where status = 'completed' and attempt = 1"));
        var url = $"/ops/history?operation_id={poisoned}&result=failed";
        await Eventually.TrueAsync("its attempts are in the history", async () => (await _admin.ItemsAsync(url)).Count == 5);
        var attempts = await _admin.ItemsAsync(url);
        Assert.All(attempts, attempt => Assert.Contains("JSON value", attempt.GetProperty("error").GetString(), StringComparison.Ordinal));
        Assert.Contains("~", attempts[^1].GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal([false, true, true, true, true], attempts.Select(attempt => attempt.GetProperty("will_retry").GetBoolean()));
    }

    [Fact]
    public async Task What_a_firing_has_gone_on_with_is_shown_and_cancelled()
    {
        var (held, holder) = await AskForHeldUpdateAsync();
        await using var holding = holder;
        await using var host = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(host);
        await TakenAsync(held);

        var run = (await _admin.ItemsAsync("/ops/running")).Single(item => item.GetProperty("operation_id").ValueKind == JsonValueKind.String
            && item.GetProperty("operation_id").GetGuid() == held);
        var asked = Stopwatch.GetTimestamp();
        await _admin.ActAsync($"/ops/runs/{run.GetProperty("id").GetString()}/cancel", HttpStatusCode.Accepted);
        Assert.Equal("cancelled", (await _user.Client.EndOfAsync(held)).GetProperty("status").GetString());
        output.WriteLine($"cancelled after {Stopwatch.GetElapsedTime(asked).TotalMilliseconds:0} ms");

        await EndedAsync();
        Assert.Equal(FillsAReplica, await _database.QueryAsync<long>("select count(*) from operations where status = 'completed'"));
        await Eventually.TrueAsync("it is in the history", async () =>
            (await _admin.ItemsAsync($"/ops/history?operation_id={held}")) is [var line] && line.GetProperty("result").GetString() == "cancelled");
    }

    [Fact]
    public async Task What_a_stopped_replica_had_gone_on_with_is_done_by_another()
    {
        var (held, holder) = await AskForHeldUpdateAsync();
        await using var holding = holder;
        var first = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(first);
        await TakenAsync(held);

        await first.DisposeAsync();
        await using var second = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(second);
        await Eventually.TrueAsync("another has begun", async () => await _database.QueryAsync<int>($"select attempt from operations where id = '{held}'") == 2);
        await holder.CloseAsync();

        Assert.Equal("completed", (await _user.Client.EndOfAsync(held)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_waits_is_taken_once_the_oldest_first_and_nothing_that_is_paused_or_between_two_attempts()
    {
        var asked = new List<Guid>();
        for (var i = 0; i < 20; i++)
        {
            asked.Add(await _user.Client.StartExportAsync());
        }

        var update = await _user.Client.StartBulkUpdateAsync([await _user.Client.CreateTaskAsync("any")], new { completed = true });
        await ChangeTriggerAsync(asked[0], "trigger_state = 'PAUSED'");
        await ChangeTriggerAsync(asked[1], "trigger_state = 'ACQUIRED'");
        await ChangeTriggerAsync(asked[2], "retry_attempt = 1");
        await ChangeTriggerAsync(asked[4], $"description = '{OperationTriggers.Again}'");
        await ChangeTriggerAsync(asked[3], $"next_fire_time = {DateTimeOffset.UtcNow.AddMinutes(1).UtcTicks}");

        Assert.Equal(asked[5], await TakeAsync());
        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TakeAsync()));

        Assert.Equal(asked[6..].Order(), taken.OfType<Guid>().Order());
        Assert.Equal(6, await _database.QueryAsync<long>("select count(*) from qrtz_triggers where trigger_name like 'operation-%'"));
        Assert.Equal(0, await _database.QueryAsync<int>($"select attempt from operations where id = '{update}'"));

        Task ChangeTriggerAsync(Guid operation, string change) =>
            _database.ExecuteAsync($"update qrtz_triggers set {change} where trigger_name = 'operation-{operation:N}'");

        async Task<Guid?> TakeAsync()
        {
            await using var db = _database.Open();
            var taken = await new OperationLedger(db, TimeProvider.System).TakeAsync(OperationKind.Export, ["a firing"], default);
            return taken.SingleOrDefault()?.Id;
        }
    }

    [Fact]
    public async Task What_a_dead_replica_had_gone_on_with_is_found_and_what_quartz_recovers_is_left_to_it()
    {
        await using var host = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(host);
        var (taken, recovered) = (await AddSilentAsync(), await AddSilentAsync());
        var scheduler = await host.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        await scheduler.ScheduleJob(TriggerBuilder.Create<IJob<OperationFiring>>()
            .WithIdentity("recover-it", SchedulerConstants.DefaultRecoveryGroup).ForJob(JobKeys.ExportUserTasks)
            .UsingInput(new OperationFiring(recovered)).StartAt(DateTimeOffset.UtcNow.AddDays(1)).Build());

        await host.Services.GetRequiredService<OperationWatch>().LookAsync(CancellationToken.None);

        Assert.Equal("completed", (await _user.Client.EndOfAsync(taken)).GetProperty("status").GetString());
        Assert.Equal(2, await _database.QueryAsync<int>($"select attempt from operations where id = '{taken}'"));
        Assert.Equal(0, await OperationClient.CountFiringsAsync(_database.ConnectionString, recovered));
        Assert.Equal(1, await _database.QueryAsync<int>($"select attempt from operations where id = '{recovered}'"));

        async Task<Guid> AddSilentAsync()
        {
            var id = Guid.NewGuid();
            await _database.ExecuteAsync(
                $$"""
                insert into operations (id, owner_id, kind, status, progress, input, attempt, created_at, seen_at)
                values ('{{id}}', {{_user.Id}}, 'export', 'running', 0, '{"format":"csv"}', 1, now() - interval '1 minute', now() - interval '{{OperationWatch.Silence.TotalSeconds + 1}} s')
                """);
            return id;
        }
    }

    private async Task AskForExportsAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            await _user.Client.StartExportAsync();
        }
    }

    // The update waits for a task that somebody else has locked, for as long as a test needs it to.
    private async Task<(Guid Operation, NpgsqlConnection Holder)> AskForHeldUpdateAsync()
    {
        var (free, held) = (await _user.Client.CreateTaskAsync("free"), await _user.Client.CreateTaskAsync("held"));
        for (var i = 0; i < FillsAReplica; i++)
        {
            await _user.Client.StartBulkUpdateAsync([free], new { description = $"update {i}" });
        }

        var holder = new NpgsqlConnection(_database.ConnectionString);
        await holder.OpenAsync();
        await new NpgsqlCommand($"begin; select from tasks where id = {held} for update", holder).ExecuteNonQueryAsync();

        return (await _user.Client.StartBulkUpdateAsync([held], new { completed = true }), holder);
    }

    private Task TakenAsync(Guid operation) => Eventually.TrueAsync("a firing has gone on with the operation", async () =>
        await _database.QueryAsync<string>($"select status from operations where id = '{operation}'") == "running"
            && await OperationClient.CountFiringsAsync(_database.ConnectionString, operation) == 0);

    private Task EndedAsync() => Eventually.TrueAsync("all operations have ended", async () =>
        await _database.QueryAsync<long>("select count(*) from operations where status in ('pending', 'running')") == 0);
}
