using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using TaskTracker.Data.Caching;

namespace TaskTracker.Tests.Api;

/// <summary>Redis dies, freezes and comes back while two replicas are at work.</summary>
[Collection(ApiTests.Name)]
public sealed class CacheOutageTests(ApiFixture api)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Redis_killed_and_restarted_under_load_fails_no_request_leaves_nothing_stale_and_is_used_again(bool withOldKeys)
    {
        await using var replicas = await ReplicaPair.StartAsync(api.Database);
        var (redis, first, second) = replicas;
        var storm = new CacheStorm([first, second], Environment.TickCount);
        await storm.PrepareAsync();

        var isOver = false;
        var storming = storm.RunAsync(() => !Volatile.Read(ref isOver));
        try
        {
            await ReachAsync(1_000);
            if (withOldKeys)
            {
                await first.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase().ExecuteAsync("SAVE");
                await ReachAsync(500);
            }

            storm.IsStrict = false;
            await SignalAsync("KILL", await ProcessOfAsync(first));
            redis.Stop();
            await ReachAsync(1_000);
            await redis.StartAsync();
            await WhileStormingAsync("both replicas use Redis again", () => Task.FromResult(IsUsedBy(first) && IsUsedBy(second)));
            storm.IsStrict = true;

            await WhileStormingAsync("as many answers come from the cache as usual", HitsAreUsualAsync);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        await storming;
        await storm.ProveNothingStaleAsync();
        foreach (var replica in (ApiFactory[])[first, second])
        {
            var status = await (await replica.CreateUserAsync()).Client.GetFromJsonAsync<JsonElement>("/cache/status");
            Assert.True(status.GetProperty("cache_working").GetBoolean());
            Assert.InRange(status.GetProperty("counts").GetProperty("hit_ratio").GetDouble(), 0.01, 1);
        }

        Task ReachAsync(int more)
        {
            var end = storm.Operations + more;
            return WhileStormingAsync($"{more} more operations are done", () => Task.FromResult(storm.Operations >= end));
        }

        async Task<bool> HitsAreUsualAsync()
        {
            var before = storm.Seen;
            await ReachAsync(1_000);
            var after = storm.Seen;
            return after.Hits - before.Hits > CacheStorm.UsualHits * (after.Answers - before.Answers);
        }

        Task WhileStormingAsync(string what, Func<Task<bool>> condition) => Eventually.TrueAsync(what, async () =>
        {
            if (storming.IsCompleted)
            {
                await storming;
            }

            return await condition();
        });
    }

    [Fact]
    public async Task Redis_that_is_frozen_fails_no_request_and_makes_few_wait()
    {
        await using var replicas = await ReplicaPair.StartAsync(api.Database);
        var (_, first, second) = replicas;
        var user = await first.CreateUserAsync();
        using var other = second.CreateClient(user);
        HttpClient[] clients = [user.Client, other];
        var process = await ProcessOfAsync(first);
        var (written, waited) = (0, 0);

        await SignalAsync("STOP", process);
        try
        {
            for (var i = 0; i < 60; i++)
            {
                var begun = Stopwatch.GetTimestamp();
                if (i % 6 == 2)
                {
                    await clients[written % 2].CreateTaskAsync($"task {++written}");
                }
                else
                {
                    Assert.Equal(written, (await clients[i % 2].GetTitlesAsync()).Length);
                }

                waited += Stopwatch.GetElapsedTime(begun) >= CacheCircuit.Limit ? 1 : 0;
            }
        }
        finally
        {
            await SignalAsync("CONT", process);
        }

        // One per replica finds out; the others are for a machine that is busy otherwise.
        Assert.InRange(waited, 1, 10);
        await Eventually.TrueAsync("both replicas use Redis again", () => Task.FromResult(IsUsedBy(first) && IsUsedBy(second)));
        foreach (var client in clients)
        {
            Assert.Equal(written, (await client.GetTitlesAsync()).Length);
        }

        await first.WaitForCacheAsync();
        await second.WaitForCacheAsync();
    }

    [Fact]
    public async Task A_write_waits_for_a_Redis_that_is_slow_so_that_no_other_replica_hides_it()
    {
        await using var replicas = await ReplicaPair.StartAsync(api.Database);
        var (_, first, second) = replicas;
        var user = await first.CreateUserAsync();
        using var other = second.CreateClient(user);
        await Eventually.TrueAsync("both replicas use Redis", () => Task.FromResult(IsUsedBy(first) && IsUsedBy(second)));
        Assert.Empty(await other.GetTitlesAsync());
        var process = await ProcessOfAsync(first);

        await SignalAsync("STOP", process);
        Task writing;
        try
        {
            writing = user.Client.CreateTaskAsync("slow");

            // So long would no read wait for it.
            await Task.Delay(CacheCircuit.Limit + TimeSpan.FromMilliseconds(200));
            Assert.False(writing.IsCompleted);
        }
        finally
        {
            await SignalAsync("CONT", process);
        }

        await writing;
        Assert.Equal(["slow"], await other.GetTitlesAsync());
    }

    [Fact]
    public async Task Hits_misses_and_bypasses_are_metered_by_kind()
    {
        var counts = new Dictionary<string, long>();
        var factory = api.First.Services.GetRequiredService<IMeterFactory>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, it) =>
            {
                if (instrument.Meter.Scope == factory && instrument.Name == "tasktracker.cache.lookups")
                {
                    it.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            lock (counts)
            {
                var key = string.Join(' ', tags.ToArray().Select(tag => tag.Value));
                counts[key] = counts.GetValueOrDefault(key) + count;
            }
        });
        listener.Start();
        var user = await api.First.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("a");

        foreach (var url in (string[])["/tasks", $"/tasks/{task}", "/tasks/statistics"])
        {
            using var made = await user.Client.GetAsync(url);
            using var found = await user.Client.GetAsync(url);
        }

        await api.First.Services.GetRequiredService<OwnerVersions>().BeginAsync([user.Id]);
        using var passed = await user.Client.GetAsync("/tasks");

        Assert.Equal(
            ["items hit", "items miss", "lists bypass", "lists hit", "lists miss", "statistics hit", "statistics miss"],
            counts.Where(count => count.Value == 1).Select(count => count.Key).Order(StringComparer.Ordinal));
    }

    private static bool IsUsedBy(ApiFactory replica) => replica.Services.GetRequiredService<CacheCircuit>().IsClosed;

    private static async Task<string> ProcessOfAsync(ApiFactory replica)
    {
        var facts = (string)(await replica.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase().ExecuteAsync("INFO", "server"))!;
        var line = facts.Split('\n').Single(line => line.StartsWith("process_id:", StringComparison.Ordinal));
        return int.Parse(line.Split(':')[1], NumberStyles.None | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
    }

    private static async Task SignalAsync(string signal, string process)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }
}
