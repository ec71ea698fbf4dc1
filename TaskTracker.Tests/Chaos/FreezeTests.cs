using System.Net;
using System.Net.Http.Json;
using TaskTracker.Jobs.BulkUpdates;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>A replica that stands still, as in a long pause of its machine, and goes on without knowing.</summary>
[Collection(ChaosTests.Name)]
public sealed class FreezeTests(ITestOutputHelper output)
{
    private const int HeldChunk = 3;
    private const int Reminders = 5_000;

    private static readonly TimeSpan s_frozen = TimeSpan.FromSeconds(60);

    [Fact]
    public Task A_replica_that_was_frozen_in_mid_work_writes_nothing_after_it_was_replaced() => ChaosSystem.RunAsync(output, "freeze", jobs: 1, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        var client = user.Clients[0];
        await system.AddTasksAsync(user.Id, 20_000);
        var tasks = await system.ListAsync<long>("select id from tasks order by id");
        var updated = tasks[..10_000];
        var stale = system.Jobs[0];

        // Frozen at first, so that both operations are held in their middle before they begin.
        stale.Freeze();
        var export = await client.StartExportAsync("ndjson");
        var update = await client.StartBulkUpdateAsync(updated, new { description = "changed" });
        var chunk = await system.HoldAsync("insert into export_chunks (operation_id, chunk_no, data) values ($1, $2, '')", export, HeldChunk);
        var task = await system.HoldAsync("select from tasks where id = $1 for update", updated[HeldChunk * BulkUpdate.ChunkSize]);
        stale.Thaw();
        await Eventually.TrueAsync("both are in their middle", async () => await system.QueryAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ 'export_chunks|update tasks set'") == 2);
        stale.Freeze();
        var frozen = DateTimeOffset.UtcNow;
        await chunk.DisposeAsync();
        await task.DisposeAsync();
        Assert.Equal(HeldChunk * BulkUpdate.ChunkSize, await system.QueryAsync<long>("select count(*) from tasks where description = 'changed'"));

        var peer = await system.AddJobsAsync();
        await system.OperationsEndedAsync(TimeSpan.FromMinutes(2));
        output.WriteLine($"the peer was done {(DateTimeOffset.UtcNow - frozen).TotalSeconds:0} s after the freeze");
        Assert.Equal(["2 completed", "2 completed"], await system.ListAsync<string>("select attempt || ' ' || status from operations"));

        // Reminders do not wait for it, either.
        var dueAt = DateTimeOffset.UtcNow.AddSeconds(1);
        await system.AddTasksAsync(user.Id, Reminders, dueAt);
        await system.RemindersGoneAsync(TimeSpan.FromSeconds(60));
        output.WriteLine($"{Reminders} reminders were gone {(DateTimeOffset.UtcNow - dueAt).TotalSeconds:0.0} s after their time");

        using var changed = await client.PutAsJsonAsync($"/tasks/{updated[0]}", new { description = "newer" });
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        using var alsoChanged = await client.PutAsJsonAsync($"/tasks/{updated[^1]}", new { description = "newer" });
        Assert.Equal(HttpStatusCode.OK, alsoChanged.StatusCode);
        var before = await StateAsync();

        await Task.Delay(frozen + s_frozen - DateTimeOffset.UtcNow is { Ticks: > 0 } rest ? rest : TimeSpan.Zero);
        stale.Thaw();
        await stale.HealthyAsync();
        // With the peer gone only the frozen replica is left to do this, and it does it after it has ended what it was at.
        peer.Kill();
        // Told that they are replaced, or without their session, which PostgreSQL has ended meanwhile.
        await Eventually.TrueAsync("the stale runs have ended beside the peer's", async () => await system.QueryAsync<long>(
            "select count(*) from qrtz_execution_history where job_name in ('export_user_tasks', 'bulk_update_tasks')") >= 4);
        var again = await client.EndOfAsync(await client.StartExportAsync("ndjson"));

        Assert.Equal("completed", again.GetProperty("status").GetString());
        Assert.Equal(before, await StateAsync());
        Assert.Equal(Reminders, await system.QueryAsync<long>("select count(*) from notifications"));
        var file = await client.GetStringAsync($"/exports/{export}");
        Assert.Equal(20_000, file.Count(character => character == '\n'));
        Assert.Equal(updated.Count - 2, await system.QueryAsync<long>("select count(*) from tasks where description = 'changed'"));

        // The versions of the rows tell of any write, also of one that changes nothing.
        Task<string> StateAsync() => system.QueryAsync<string>(
            """
            select (select string_agg(chunk_no || ' ' || xmin, ',' order by chunk_no) from export_chunks where operation_id = $1)
                || (select string_agg(id || ' ' || xmin, ',' order by id) from operations where id in ($1, $2))
                || (select md5(string_agg(id || ' ' || xmin, ',' order by id)) from tasks)
            """,
            export,
            update);
    });
}
