using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>Work on demand that nobody can keep up with.</summary>
[Collection(ChaosTests.Name)]
public sealed class BacklogTests(ITestOutputHelper output)
{
    private const int Operations = 40;

    [Fact]
    public Task Reminders_do_not_wait_behind_operations() => ChaosSystem.RunAsync(output, "backlog", jobs: 2, apis: 1, async system =>
    {
        var user = await system.CreateUserAsync();
        await system.AddTasksAsync(user.Id, 1);
        var task = await system.QueryAsync<long>("select id from tasks");

        // Each update waits for the held task, so they fill what operations may take of both replicas, and the queue.
        await using (await system.HoldAsync("select from tasks where id = $1 for update", task))
        {
            for (var i = 0; i < Operations; i++)
            {
                await user.Clients[0].StartBulkUpdateAsync([task], new { description = $"update {i}" });
            }

            await Eventually.TrueAsync("the operations fill both replicas", async () =>
                await system.QueryAsync<long>("select count(*) from operations where status = 'running'") >= 20);

            // What one of them was at work on the other takes over, beside what it has.
            system.Jobs[0].Kill();
            await Eventually.TrueAsync("the dead replica is missed", async () =>
                await system.QueryAsync<long>("select count(*) from qrtz_scheduler_state") == 1);

            var dueAt = DateTimeOffset.UtcNow.AddSeconds(1);
            await system.AddTasksAsync(user.Id, 100, dueAt, TimeSpan.FromSeconds(3));
            await system.RemindersGoneAsync(TimeSpan.FromSeconds(60));
            output.WriteLine($"the last reminder was gone {(DateTimeOffset.UtcNow - dueAt).TotalSeconds - 3:0.0} s after its time");
            Assert.True(await system.QueryAsync<long>("select count(*) from operations where status in ('pending', 'running')") > 20);
        }

        await system.OperationsEndedAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(Operations, await system.QueryAsync<long>("select count(*) from operations where status = 'completed'"));
    });
}
