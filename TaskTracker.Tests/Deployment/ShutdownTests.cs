using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using TaskTracker.Jobs.BulkUpdates;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>Replicas that are told to end in the middle of what they do, while another of each goes on.</summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class ShutdownTests(PublishedSystem system)
{
    private const int Users = 4;
    private const int RequestsBetweenSteps = 150;

    [Fact]
    public async Task Replicas_that_end_under_load_fail_no_request_and_hand_over_the_work_they_are_at()
    {
        await using var jobs = await system.StartAsync("jobs");
        await using var otherJobs = await system.StartAsync("jobs");
        await using var api = await system.StartAsync("api");
        await using var otherApi = await system.StartAsync("api");
        using var balancer = new Balancer(api, otherApi);
        using var load = new Load(balancer);
        await load.StartAsync(Users);
        await load.PassAsync(RequestsBetweenSteps);

        // As long as its last task is held, an update is in the middle: one chunk is done, the other not.
        var owner = await otherApi.Connect().SignUpAsync();
        var tasks = await AddTasksAsync(owner.Id, BulkUpdate.ChunkSize + 1);
        var waiting = await api.Connect().SignUpAsync();
        var task = await waiting.Client.CreateTaskAsync("held");
        await using var stream = await waiting.Client.GetStreamAsync("/notifications/stream");
        await using var held = await HoldAsync(tasks[^1], task);
        var update = await owner.Client.StartBulkUpdateAsync(tasks, new { title = "renamed" });
        await Eventually.TrueAsync("the update is in the middle", async () =>
            (await owner.Client.GetFromJsonAsync<JsonElement>($"/operations/{update}")).GetProperty("progress").GetInt32() > 0);
        var request = waiting.Client.PutAsJsonAsync($"/tasks/{task}", new { completed = true });
        await Eventually.TrueAsync("the request waits", async () => await OperationClient.QueryAsync<long>(
            system.Servers.Superuser, "select count(*) from pg_stat_activity where usename = 'tasktracker_api' and wait_event_type = 'Lock'") > 0);

        // Each names its node when it starts.
        var node = await OperationClient.QueryAsync<string>(
            system.Servers.Superuser, $"select instance_name from qrtz_fired_triggers where trigger_name = 'operation-{update:N}'");
        var endApi = api.EndAsync();
        var endJobs = (jobs.Output.Contains(node, StringComparison.Ordinal) ? jobs : otherJobs).EndAsync();
        Assert.Equal(0, await endJobs);
        await Eventually.TrueAsync("the api takes no more requests", async () => !await SecureServers.IsListeningAsync(api.Port));
        await held.DisposeAsync();
        using var answer = await request;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(0, await endApi);
        await stream.CopyToAsync(Stream.Null);
        await load.PassAsync(RequestsBetweenSteps);

        var end = await owner.Client.EndOfAsync(update);
        Assert.Equal("completed", end.GetProperty("status").GetString());
        Assert.Equal(tasks.Length, end.GetProperty("result").GetProperty("updated").GetInt32());
        Assert.True(await OperationClient.QueryAsync<int>(system.Servers.Superuser, $"select attempt from operations where id = '{update}'") > 1);
        await load.AssertAllDoneAsync(system.Servers.Superuser);
    }

    private Task<long[]> AddTasksAsync(int owner, int count) => OperationClient.QueryAsync<long[]>(
        system.Servers.Superuser,
        $"""
        with added as (
            insert into tasks (owner_id, title, description, completed, created_at, updated_at)
            select {owner}, 'task ' || i, '', false, now(), now() from generate_series(1, {count}) i
            returning id
        )
        select array_agg(id order by id) from added
        """);

    // Until it is disposed of.
    private async Task<NpgsqlConnection> HoldAsync(params IEnumerable<long> tasks)
    {
        var connection = new NpgsqlConnection(system.Servers.Superuser);
        await connection.OpenAsync();
        await connection.BeginTransactionAsync();
        await using var hold = new NpgsqlCommand($"select from tasks where id in ({string.Join(',', tasks)}) for update", connection);
        await hold.ExecuteNonQueryAsync();
        return connection;
    }
}
