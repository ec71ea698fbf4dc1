using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Operations;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Telemetry;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Operations;

/// <summary>What holds for every operation: one transaction, cancelling, failing, getting lost.</summary>
[Collection(OperationTestsCollection.Name)]
public sealed class OperationTests(OperationsFixture fixture, ITestOutputHelper output)
{
    [Fact]
    public async Task A_request_that_is_rolled_back_leaves_neither_operation_nor_firing_nor_wake_up()
    {
        var user = await fixture.Api.CreateUserAsync();
        await using var listener = await Listener.StartAsync(fixture.Database, WakeUp.SchedulingChannel);
        await using var scope = fixture.Api.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var transaction = scope.ServiceProvider.GetRequiredService<OwnerTransaction>();
        var queue = scope.ServiceProvider.GetRequiredService<IJobQueue>();
        Operation? enqueued = null;
        var process = 0;

        await Assert.ThrowsAsync<InvalidOperationException>(() => transaction.RunAsync<int>([], async cancellationToken =>
        {
            process = ((NpgsqlConnection)db.Database.GetDbConnection()).ProcessID;
            enqueued = await queue.EnqueueAsync(user.Id, new ExportInput(ExportFormat.Csv), cancellationToken);
            Assert.Equal(0, await OperationClient.CountFiringsAsync(fixture.Database, enqueued.Id));
            throw new InvalidOperationException("as if something failed");
        }, CancellationToken.None));

        Assert.Equal(0, await fixture.Api.WithDatabaseAsync(other => other.Operations.CountAsync(operation => operation.OwnerId == user.Id)));
        Assert.Equal(0, await OperationClient.CountFiringsAsync(fixture.Database, enqueued!.Id));
        await listener.CatchUpAsync();
        Assert.DoesNotContain(process, listener.Heard.Select(notification => notification.PID));
    }

    [Fact]
    public async Task Work_is_enqueued_in_a_transaction_only()
    {
        await using var scope = fixture.Api.Services.CreateAsyncScope();
        var queue = scope.ServiceProvider.GetRequiredService<IJobQueue>();

        await Assert.ThrowsAsync<InvalidOperationException>(() => queue.EnqueueAsync(1, new ExportInput(ExportFormat.Csv), CancellationToken.None));
    }

    [Fact]
    public async Task Work_starts_soon_after_its_request()
    {
        var user = await fixture.Api.CreateUserAsync();
        var meters = fixture.Jobs.GetRequiredService<IMeterFactory>();
        var measured = new ConcurrentBag<double>();
        using var meter = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Name == "tasktracker.jobs.start_delay")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        meter.SetMeasurementEventCallback<double>((_, seconds, _, _) => measured.Add(seconds));
        meter.Start();
        for (var i = 0; i < 20; i++)
        {
            await user.Client.ExportAsync();
        }

        var delays = await fixture.Api.WithDatabaseAsync(db => db.Operations.Where(operation => operation.OwnerId == user.Id)
            .Select(operation => (operation.StartedAt!.Value - operation.CreatedAt).TotalMilliseconds).ToListAsync());
        delays.Sort();
        output.WriteLine($"start after {delays[0]:0} ms at least, {delays[10]:0} ms in the middle, {delays[^1]:0} ms at most");
        Assert.True(delays[^1] < 10_000);
        Assert.True(measured.Count >= delays.Count);
        Assert.All(measured, seconds => Assert.InRange(seconds, delays[0] / 1000, 10));
    }

    [Fact]
    public async Task A_running_operation_is_cancelled_in_the_other_process()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("held");
        await using var holder = await HoldAsync(task);
        var id = await user.Client.StartBulkUpdateAsync([task], new { completed = true });
        await WaitUntilBlockedAsync();

        var asked = Stopwatch.GetTimestamp();
        using var response = await user.Client.DeleteAsync($"/operations/{id}");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var status = await user.Client.EndOfAsync(id);
        output.WriteLine($"cancelled after {Stopwatch.GetElapsedTime(asked).TotalMilliseconds:0} ms");

        Assert.Equal("cancelled", status.GetProperty("status").GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("result").ValueKind);
        await holder.DisposeAsync();
        Assert.False((await user.Client.GetFromJsonAsync<JsonElement>($"/tasks/{task}")).GetProperty("completed").GetBoolean());

        using var again = await user.Client.DeleteAsync($"/operations/{id}");
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
    }

    [Fact]
    public async Task A_cancellation_whose_notification_was_lost_is_seen_all_the_same()
    {
        var user = await fixture.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("held");
        await using var holder = await HoldAsync(task);
        var id = await user.Client.StartBulkUpdateAsync([task], new { completed = true });
        await WaitUntilBlockedAsync();

        await OperationClient.ExecuteAsync(fixture.Database, $"update operations set cancel_requested_at = now() where id = '{id}'");

        Assert.Equal("cancelled", (await user.Client.EndOfAsync(id)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_has_ended_cannot_be_cancelled()
    {
        var user = await fixture.Api.CreateUserAsync();
        var key = await user.Client.ExportAsync();

        using var response = await user.Client.DeleteAsync($"/operations/{key}");

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
    }

    [Fact]
    public async Task Work_that_always_fails_ends_as_failed_and_holds_nobody_up()
    {
        using var spans = new KeptSpans();
        var user = await fixture.Api.CreateUserAsync();
        var id = await EnqueueAsync(user, poisoned: true);

        await user.Client.ExportAsync();
        var status = await user.Client.EndOfAsync(id);

        Assert.Equal("failed", status.GetProperty("status").GetString());
        Assert.Contains("JsonException", status.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", status.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(4, await fixture.Api.WithDatabaseAsync(db => db.Operations.Where(operation => operation.Id == id).Select(operation => operation.Attempt).SingleAsync()));
        var run = await spans.FindAsync("the run's span", span => Equals(span.GetTagItem("tasktracker.operation.id"), id.ToString()));
        Assert.Equal(ActivityStatusCode.Error, run.Status);
        Assert.Contains(run.Events, happened => happened.Name == "exception");
    }

    [Fact]
    public async Task An_operation_whose_firing_was_lost_is_found_and_done()
    {
        var user = await fixture.Api.CreateUserAsync();
        var id = await AddUnseenExportAsync(user, "pending", attempt: 0);

        await fixture.Jobs.GetRequiredService<OperationWatch>().LookAsync(CancellationToken.None);

        Assert.Equal("completed", (await user.Client.EndOfAsync(id)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Work_that_was_begun_too_often_without_an_end_is_given_up()
    {
        var user = await fixture.Api.CreateUserAsync();
        var id = await AddUnseenExportAsync(user, "running", attempt: 10);

        await fixture.Jobs.GetRequiredService<OperationWatch>().LookAsync(CancellationToken.None);

        Assert.Equal("failed", (await user.Client.EndOfAsync(id)).GetProperty("status").GetString());
    }

    // Nobody has looked after it for two minutes.
    private async Task<Guid> AddUnseenExportAsync(ApiUser user, string status, int attempt)
    {
        var id = Guid.NewGuid();
        await OperationClient.ExecuteAsync(
            fixture.Database,
            $$"""
            insert into operations (id, owner_id, kind, status, progress, input, attempt, created_at, seen_at)
            values ('{{id}}', {{user.Id}}, 'export', '{{status}}', 0, '{"format":"csv"}', {{attempt}}, now() - interval '2 minutes', now() - interval '2 minutes')
            """);
        return id;
    }

    private async Task<Guid> EnqueueAsync(ApiUser user, bool poisoned)
    {
        await using var scope = fixture.Api.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var queue = scope.ServiceProvider.GetRequiredService<IJobQueue>();
        return await scope.ServiceProvider.GetRequiredService<OwnerTransaction>().RunAsync([], async cancellationToken =>
        {
            var operation = await queue.EnqueueAsync(user.Id, new ExportInput(ExportFormat.Csv), cancellationToken);
            if (poisoned)
            {
                operation.Input = """{"format":"secret"}""";
                await db.SaveChangesAsync(cancellationToken);
            }

            return operation.Id;
        }, CancellationToken.None);
    }

    // A bulk update waits for a task that somebody else has locked, for as long as a test needs it to.
    private async Task<NpgsqlConnection> HoldAsync(long task)
    {
        var connection = new NpgsqlConnection(fixture.Database);
        await connection.OpenAsync();
        await new NpgsqlCommand("begin", connection).ExecuteNonQueryAsync();
        await new NpgsqlCommand($"select from tasks where id = {task} for update", connection).ExecuteNonQueryAsync();
        return connection;
    }

    private Task WaitUntilBlockedAsync() => Eventually.TrueAsync("the job waits for the held task", async () =>
        await OperationClient.QueryAsync<long>(
            fixture.Database,
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%update tasks set%'") > 0);
}
