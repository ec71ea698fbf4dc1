using System.Net.Http.Json;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>A replica of the API that dies between commit and answer.</summary>
[Collection(ChaosTests.Name)]
public sealed class ApiKillTests(ITestOutputHelper output)
{
    private const int Rounds = 3;
    private const int RequestsEach = 200;
    private const int AtOnce = 16;

    [Fact]
    public Task What_was_asked_of_an_api_that_died_is_done_once_when_it_is_asked_again() => ChaosSystem.RunAsync(output, "api-kill", jobs: 2, apis: 2, async system =>
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed: {seed}");
        var random = new Random(seed);
        var user = await system.CreateUserAsync();
        await system.AddTasksAsync(user.Id, 100);
        var deadline = DateTimeOffset.UtcNow.AddDays(1);
        var accepted = new List<Guid>();
        var unanswered = 0;

        for (var round = 0; round < Rounds; round++)
        {
            var keys = Enumerable.Range(0, RequestsEach).Select(number => $"round {round} request {number}").ToList();
            var answered = 0;
            var killAt = random.Next(RequestsEach / 4, RequestsEach / 2);
            var dead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

            await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (key, _) =>
            {
                try
                {
                    await CreateAsync(user.Clients[0], key, deadline);
                    var export = await user.Clients[0].StartExportAsync();
                    lock (accepted)
                    {
                        accepted.Add(export);
                    }
                }
                catch (HttpRequestException)
                {
                    Interlocked.Increment(ref unanswered);
                }

                if (Interlocked.Increment(ref answered) == killAt)
                {
                    system.Apis[0].Kill();
                    dead.SetResult();
                }
            });
            await dead.Task;

            // What the client does that lost the answers: all of it again, elsewhere.
            await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (key, _) =>
                await CreateAsync(user.Clients[1], key, deadline));
            await system.Apis[0].StartAsync();
            await system.Apis[0].HealthyAsync();
        }

        output.WriteLine($"{unanswered} of {Rounds * RequestsEach} requests were not answered, {accepted.Count} exports were accepted, "
            + $"{await system.QueryAsync<long>("select count(*) from operations")} stored");
        Assert.Equal(Rounds * RequestsEach, await system.QueryAsync<long>("select count(distinct title) from tasks where title like 'round%'"));
        Assert.Equal(Rounds * RequestsEach, await system.QueryAsync<long>("select count(*) from tasks where title like 'round%'"));
        Assert.Equal(Rounds * RequestsEach, await system.QueryAsync<long>(
            "select count(*) from tasks t join reminders r on r.task_id = t.id and r.due_at = t.deadline - r.lead_time where title like 'round%'"));

        // Also those whose acceptance nobody heard of.
        await system.OperationsEndedAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(0, await system.QueryAsync<long>("select count(*) from operations where status <> 'completed'"));
        Assert.Equal(accepted.Count, await system.QueryAsync<long>("select count(*) from operations where id = any($1)", accepted.ToArray()));
    });

    private static async Task CreateAsync(HttpClient client, string key, DateTimeOffset deadline)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/tasks")
        {
            Content = JsonContent.Create(new { title = key, deadline }),
        };
        request.Headers.Add("Idempotency-Key", key.Replace(' ', '-'));
        using var answer = await client.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }
}
