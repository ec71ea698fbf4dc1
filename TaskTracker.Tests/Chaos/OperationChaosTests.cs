using System.Diagnostics;
using System.Net;
using TaskTracker.Data.Operations;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>Single operations across real processes.</summary>
[Collection(ChaosTests.Name)]
public sealed class OperationChaosTests(ITestOutputHelper output)
{
    [Fact]
    public Task Work_that_ends_its_process_each_time_is_given_up() => ChaosSystem.RunAsync(output, "poison", jobs: 2, apis: 1, async system =>
    {
        const int Kills = 2;
        var user = await system.CreateUserAsync();
        var client = user.Clients[0];
        await system.AddTasksAsync(user.Id, 1);
        var task = await system.QueryAsync<long>("select id from tasks");
        Guid id;
        await using (await system.HoldAsync("select from tasks where id = $1 for update", task))
        {
            // As if it had done so often before, for each time takes seconds.
            foreach (var replica in system.Jobs)
            {
                replica.Freeze();
            }

            id = await client.StartBulkUpdateAsync([task], new { completed = true });
            await system.ExecuteAsync("update operations set attempt = $1", Operation.AttemptsPerRequest - Kills);
            foreach (var replica in system.Jobs)
            {
                replica.Thaw();
            }

            for (var kill = 1; kill <= Kills; kill++)
            {
                var attempt = Operation.AttemptsPerRequest - Kills + kill;
                await Eventually.TrueAsync($"attempt {attempt} begins", async () => await system.QueryAsync<int>("select attempt from operations") == attempt);
                foreach (var replica in system.Jobs)
                {
                    replica.Kill();
                }

                foreach (var replica in system.Jobs)
                {
                    await replica.StartAsync();
                }
            }

            var status = await client.EndOfAsync(id);
            output.WriteLine(status.GetProperty("error").GetString());
            Assert.Equal("failed", status.GetProperty("status").GetString());
            Assert.Contains($"{Operation.AttemptsPerRequest} times", status.GetProperty("error").GetString(), StringComparison.Ordinal);
        }

        // It is over with it, and others are not held up.
        Assert.Equal("completed", (await client.EndOfAsync(await client.StartExportAsync())).GetProperty("status").GetString());
        Assert.Equal("failed", (await client.EndOfAsync(id)).GetProperty("status").GetString());
        Assert.Equal(0, await system.QueryAsync<long>("select count(*) from qrtz_triggers where job_name = 'bulk_update_tasks'"));
    });

    [Fact]
    public Task A_cancellation_reaches_the_job_in_another_process_within_a_second() => ChaosSystem.RunAsync(output, "cancel", jobs: 2, apis: 2, async system =>
    {
        var user = await system.CreateUserAsync();
        await system.AddTasksAsync(user.Id, 1);
        var task = await system.QueryAsync<long>("select id from tasks");
        var took = new List<double>();
        await using var held = await system.HoldAsync("select from tasks where id = $1 for update", task);
        for (var i = 0; i < 9; i++)
        {
            var id = await user.Clients[0].StartBulkUpdateAsync([task], new { completed = true });
            await Eventually.TrueAsync("the job is at work", async () =>
                await system.QueryAsync<string>("select status from operations where id = $1", id) == "running");

            var asked = Stopwatch.GetTimestamp();
            using var answer = await user.Clients[1].DeleteAsync($"/operations/{id}");
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            await Eventually.TrueAsync("the job has stopped", async () =>
                await system.QueryAsync<string>("select status from operations where id = $1", id) == "cancelled");
            took.Add(Stopwatch.GetElapsedTime(asked).TotalSeconds);
        }

        took.Sort();
        output.WriteLine($"cancelled after {took[0] * 1000:0} ms at least, {took[4] * 1000:0} ms in the middle, {took[^1] * 1000:0} ms at most");

        // The middle one: a busy machine may hold up any of them.
        Assert.InRange(took[4], 0, 1);
    });
}
