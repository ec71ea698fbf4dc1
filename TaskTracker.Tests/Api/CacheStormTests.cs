using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace TaskTracker.Tests.Api;

/// <summary>
/// Writers and readers of the same users at two replicas, at random. <c>TASKTRACKER_STORM_OPERATIONS</c> is how many
/// operations (200,000 in CI), <c>TASKTRACKER_STORM_SEED</c> repeats a run that failed.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class CacheStormTests(ApiFixture api)
{
    private const int Users = 8;
    private const int WorkersPerUser = 3;

    private static readonly int s_operations = Read("TASKTRACKER_STORM_OPERATIONS", 4_000);
    private static readonly int s_seed = Read("TASKTRACKER_STORM_SEED", Environment.TickCount);

    [Fact]
    public async Task No_reader_misses_a_write_that_was_answered_before_it_asked_and_nothing_stays_stale()
    {
        var left = s_operations;
        await Task.WhenAll(Enumerable.Range(0, Users).Select(RunUserAsync));

        async Task RunUserAsync(int number)
        {
            var user = await api.First.CreateUserAsync();
            using var other = api.Second.CreateClient(user);
            var task = await user.Client.CreateTaskAsync("0");

            // The title counts up: whoever asks after a write was answered must see that number at least.
            long answered = 0;
            long next = 0;
            using var turn = new SemaphoreSlim(1);
            await Task.WhenAll(Enumerable.Range(0, WorkersPerUser).Select(worker => Task.Run(async () =>
            {
                var random = new Random(HashCode.Combine(s_seed, number, worker));
                while (Interlocked.Decrement(ref left) >= 0)
                {
                    var client = random.Next(2) == 0 ? user.Client : other;
                    if (random.Next(10) == 0)
                    {
                        await turn.WaitAsync();
                        try
                        {
                            var title = (++next).ToString(CultureInfo.InvariantCulture);
                            using var response = await client.PutAsJsonAsync($"/tasks/{task}", new { title, completed = next % 2 == 0 });
                            response.EnsureSuccessStatusCode();
                            Volatile.Write(ref answered, next);
                        }
                        finally
                        {
                            turn.Release();
                        }
                    }
                    else
                    {
                        var least = Volatile.Read(ref answered);
                        var seen = await SeeAsync(client, task, random.Next(3));
                        Assert.True(seen >= least, $"Seed {s_seed}: saw {seen} after {least} was answered.");
                    }
                }
            })));

            foreach (var client in (HttpClient[])[user.Client, other])
            {
                for (var kind = 0; kind < 3; kind++)
                {
                    Assert.Equal(next, await SeeAsync(client, task, kind));
                }

                var statistics = await client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
                Assert.Equal(next > 0 && next % 2 == 0 ? 1 : 0, statistics.GetProperty("completed_tasks").GetInt32());
            }
        }
    }

    private static async Task<long> SeeAsync(HttpClient client, long task, int kind)
    {
        var json = await client.GetFromJsonAsync<JsonElement>(kind switch { 0 => $"/tasks/{task}", 1 => "/tasks", _ => "/tasks/get_tasks" });
        var seen = kind switch { 0 => json, 1 => json.GetProperty("items")[0], _ => json[0] };
        return long.Parse(seen.GetProperty("title").GetString()!, CultureInfo.InvariantCulture);
    }

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
