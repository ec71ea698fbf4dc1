using System.Net;
using System.Net.Http.Json;
using TaskTracker.Data;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Operations;

/// <summary>Requests that fail at the last moment: in their commit.</summary>
public sealed class RollbackTests
{
    // Due within the next regular look, which is what is worth a wake-up.
    private static readonly TimeSpan s_deadline = TimeSpan.FromDays(1) + (WakeUp.RegularLook / 2);

    [Theory]
    [InlineData("tasks")]
    [InlineData("operations")]
    public async Task A_request_whose_commit_fails_leaves_nothing_and_wakes_nobody(string table)
    {
        var database = await JobsDatabase.CreateAsync();
        await using (var jobs = new JobsHost(database.ConnectionString))
        {
            // It stores its jobs, and would take what is left away.
            await JobsHost.StartAsync(jobs);
        }

        await using var api = new ApiFactory(database.ConnectionString, "127.0.0.1:1");
        var user = await api.CreateUserAsync();
        await OperationClient.ExecuteAsync(
            database.ConnectionString,
            $"""
            create function fail() returns trigger language plpgsql as $body$ begin raise exception 'as if the disk were full'; end $body$;
            create constraint trigger fail_at_commit after insert on {table} deferrable initially deferred for each row execute function fail();
            """);
        await using var listener = await Listener.StartAsync(database.ConnectionString, WakeUp.Channel, WakeUp.SchedulingChannel);

        using var refused = await AskAsync();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
        Assert.Equal((0, 0, 0), await CountAsync());

        // Notifications come in the order of commits, so the first that is heard is that of the request that succeeds.
        await OperationClient.ExecuteAsync(database.ConnectionString, $"drop trigger fail_at_commit on {table}");
        using var accepted = await AskAsync();
        Assert.True(accepted.IsSuccessStatusCode);
        Assert.True(await listener.WaitAsync());
        Assert.Single(listener.Heard);
        Assert.Equal(table == "tasks" ? (1, 1, 0) : (1, 0, 1), await CountAsync());

        Task<HttpResponseMessage> AskAsync() => table == "tasks"
            ? user.Client.PostAsJsonAsync("/tasks", new { title = "rolled back", deadline = DateTimeOffset.UtcNow + s_deadline })
            : user.Client.PostAsync("/tasks/export", null);

        async Task<(long Rows, long Reminders, long Firings)> CountAsync() => (
            await database.QueryAsync<long>($"select count(*) from {table}"),
            await database.QueryAsync<long>("select count(*) from reminders"),
            await database.QueryAsync<long>("select count(*) from qrtz_triggers where trigger_name like 'operation-%'"));
    }
}
