using System.Globalization;
using TaskTracker.Data.Operations;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>What the jobs service is sized for. By hand only: it takes minutes and all of the machine.</summary>
[Collection(ChaosTests.Name)]
public sealed class ScaleTests(ITestOutputHelper output)
{
    [ByHand]
    public Task Two_replicas_deliver_100_000_reminders_of_one_moment() => ChaosSystem.RunAsync(output, "scale-reminders", jobs: 2, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        var dueAt = DateTimeOffset.UtcNow.AddSeconds(90);
        await system.AddTasksAsync(user.Id, 100_000, dueAt);
        Assert.True(DateTimeOffset.UtcNow < dueAt);

        await system.RemindersGoneAsync(TimeSpan.FromMinutes(5));

        output.WriteLine($"100,000 reminders: the last was gone {(DateTimeOffset.UtcNow - dueAt).TotalSeconds:0.0} s after their moment");
        Assert.Equal(100_000, await system.QueryAsync<long>("select count(*) from notifications"));
        Assert.Equal(100_000, await system.QueryAsync<long>("select count(distinct task_id) from notifications"));
    });

    [ByHand]
    public Task An_export_of_1_000_000_tasks_takes_no_more_memory_than_a_small_one() => ChaosSystem.RunAsync(output, "scale-export", jobs: 1, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        await system.AddTasksAsync(user.Id, 10_000);
        await user.Clients[0].ExportAsync();
        var idle = MegabytesOf(system.Jobs[0], "VmRSS");
        await system.ExecuteAsync("drop index tasks_search");
        await system.AddTasksAsync(user.Id, 990_000);

        var started = DateTimeOffset.UtcNow;
        var id = await user.Clients[0].StartExportAsync("ndjson");
        var sizes = new List<string>();
        using var pause = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (await pause.WaitForNextTickAsync()
            && await system.QueryAsync<string>("select progress || '%' from operations where id = $1 and status in ('pending', 'running') union all select 'end'", id) is var progress
            && progress != "end")
        {
            sizes.Add($"{progress} {MegabytesOf(system.Jobs[0], "VmRSS"):0}");
        }

        output.WriteLine($"1,000,000 tasks in {(DateTimeOffset.UtcNow - started).TotalSeconds:0} s, "
            + $"{await system.QueryAsync<long>("select sum(octet_length(data)) from export_chunks where operation_id = $1", id) / 1e6:0} MB in chunks of {ExportChunk.Size / 1e6:0.0} MB");
        output.WriteLine($"MB of the jobs service: {idle:0} after 10,000 tasks, {MegabytesOf(system.Jobs[0], "VmHWM"):0} at most; by progress: {string.Join(", ", sizes)}");
        Assert.Equal("completed", await system.QueryAsync<string>("select status from operations where id = $1", id));
    });

    [ByHand]
    public Task Bulk_updates_of_10_000_tasks() => ChaosSystem.RunAsync(output, "scale-updates", jobs: 2, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        await system.AddTasksAsync(user.Id, 10_000, DateTimeOffset.UtcNow.AddDays(1));
        var tasks = await system.ListAsync<long>("select id from tasks");
        foreach (var changes in (object[])[new { description = "changed" }, new { completed = true }, new { completed = false }, new { deadline = DateTimeOffset.UtcNow.AddDays(2) }])
        {
            var started = DateTimeOffset.UtcNow;
            var end = await user.Clients[0].EndOfAsync(await user.Clients[0].StartBulkUpdateAsync(tasks, changes));
            output.WriteLine($"10,000 tasks, {changes}: {(DateTimeOffset.UtcNow - started).TotalSeconds:0.0} s");
            Assert.Equal(10_000, end.GetProperty("result").GetProperty("updated").GetInt32());
        }
    });

    private static double MegabytesOf(Replica replica, string what)
    {
        var line = File.ReadLines($"/proc/{replica.ProcessId}/status").First(line => line.StartsWith(what, StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}

/// <summary>A test that runs where <c>TASKTRACKER_SCALE</c> is set.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ByHandAttribute : FactAttribute
{
    public ByHandAttribute()
    {
        if (Environment.GetEnvironmentVariable("TASKTRACKER_SCALE") is null)
        {
            Skip = "It takes minutes and all of the machine: set TASKTRACKER_SCALE=1.";
        }
    }
}
