using System.Diagnostics;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>A database that goes away in the middle of everything and comes back.</summary>
[Collection(ChaosTests.Name)]
public sealed class DatabaseRestartTests(ITestOutputHelper output)
{
    private const int Tasks = 5_000;
    private const int Reminders = 5_000;
    private const int Operations = 40;

    private static readonly TimeSpan s_over = TimeSpan.FromSeconds(10);

    [Fact]
    public Task Everything_goes_on_after_the_database_was_restarted() => ChaosSystem.RunAsync(output, "restart", jobs: 2, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        var other = await system.CreateUserAsync();
        var client = user.Clients[0];
        await system.AddTasksAsync(user.Id, Tasks);
        var tasks = await system.ListAsync<long>("select id from tasks");
        for (var i = 0; i < Operations / 2; i++)
        {
            await client.StartBulkUpdateAsync(tasks, new { description = $"changed by {i}" });
            await client.StartExportAsync("csv");
        }

        foreach (var crash in (bool[])[false, true])
        {
            var sent = await system.QueryAsync<long>("select count(*) from notifications");
            await system.AddTasksAsync(other.Id, Reminders / 2, DateTimeOffset.UtcNow.AddSeconds(1), s_over);
            await Eventually.TrueAsync("reminders go out", async () =>
                await system.QueryAsync<long>("select count(*) from notifications") > sent + (Reminders / 20));
            await system.RestartPostgresAsync(crash);
            var back = Stopwatch.GetTimestamp();
            foreach (var replica in system.Jobs.Concat(system.Apis))
            {
                await replica.HealthyAsync();
            }

            output.WriteLine($"healthy {Stopwatch.GetElapsedTime(back).TotalSeconds:0.0} s after the database was back");
        }

        await system.RemindersGoneAsync(TimeSpan.FromMinutes(2));
        await system.OperationsEndedAsync(TimeSpan.FromMinutes(3));

        Assert.Equal(Reminders, await system.QueryAsync<long>("select count(*) from notifications"));
        Assert.Equal(Reminders, await system.QueryAsync<long>("select count(distinct task_id) from notifications"));
        Assert.Equal(["completed"], await system.ListAsync<string>("select distinct status from operations"));
        Assert.Equal(Operations / 2, await system.QueryAsync<long>(
            "select count(*) from operations where kind = 'export' and (result ->> 'task_count')::int = $1", Tasks));
        Assert.Equal(Operations / 2, await system.QueryAsync<long>(
            "select count(*) from operations where kind = 'bulk_update' and (result ->> 'updated')::int = $1", Tasks));
    });
}
