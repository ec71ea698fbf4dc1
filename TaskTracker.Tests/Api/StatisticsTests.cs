using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Statistics;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class StatisticsTests(ApiFixture api)
{
    [Fact]
    public async Task Statistics_are_right_after_every_write_on_every_replica()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);

        Assert.Equal((0, 0, 0, 0), await ReadAsync(user.Client));
        var late = await user.Client.CreateTaskAsync("late", "2020-01-01T00:00:00Z");
        Assert.Equal((1, 0, 1, 0), await ReadAsync(other));
        await user.Client.CreateTaskAsync("a");
        await user.Client.CreateTaskAsync("b", "2090-01-01T00:00:00Z");
        Assert.Equal((3, 0, 1, 0), await ReadAsync(user.Client));
        using var done = await other.PutAsJsonAsync($"/tasks/{late}", new { completed = true });
        Assert.Equal((3, 1, 0, 33.33), await ReadAsync(user.Client));
        Assert.Equal((3, 1, 0, 33.33), await ReadAsync(other));
        using var deleted = await user.Client.DeleteAsync($"/tasks/{late}");
        Assert.Equal((2, 0, 0, 0), await ReadAsync(other));
    }

    [Fact]
    public async Task A_deadline_that_passes_while_the_count_is_cached_is_counted_at_once()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);
        var deadline = DateTimeOffset.UtcNow.AddSeconds(2);
        await user.Client.CreateTaskAsync("soon", deadline.ToString("O"));

        while (DateTimeOffset.UtcNow < deadline.AddMilliseconds(-200))
        {
            Assert.Equal(0, (await ReadAsync(user.Client)).Overdue);
            Assert.Equal(0, (await ReadAsync(other)).Overdue);
        }

        await Eventually.TrueAsync("the deadline has passed", () => Task.FromResult(DateTimeOffset.UtcNow > deadline.AddMilliseconds(1)));
        Assert.Equal(1, (await ReadAsync(user.Client)).Overdue);
        Assert.Equal(1, (await ReadAsync(other)).Overdue);
    }

    [Fact]
    public async Task An_answer_that_still_holds_comes_from_the_cache()
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("a");

        var first = await user.Client.GetStringAsync("/tasks/statistics");
        await api.First.WithDatabaseAsync(db => db.TaskStatistics.Where(row => row.OwnerId == user.Id).ExecuteDeleteAsync());

        Assert.Equal(first, await user.Client.GetStringAsync("/tasks/statistics"));
    }

    [Fact]
    public async Task Who_has_the_statistics_already_is_told_so_until_they_change()
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("a");
        using var first = await user.Client.GetAsync("/tasks/statistics");
        user.Client.DefaultRequestHeaders.IfNoneMatch.Add(first.Headers.ETag!);

        using var same = await user.Client.GetAsync("/tasks/statistics");
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);

        await user.Client.CreateTaskAsync("b");
        using var changed = await user.Client.GetAsync("/tasks/statistics");
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.NotEqual(first.Headers.ETag, changed.Headers.ETag);
    }

    [Fact]
    public async Task Owners_with_changes_are_found_and_counted_in_one_go()
    {
        var users = new[] { await api.First.CreateUserAsync(), await api.First.CreateUserAsync() };
        foreach (var user in users)
        {
            await user.Client.CreateTaskAsync("a");
        }

        await using var scope = api.First.Services.CreateAsyncScope();
        var counter = scope.ServiceProvider.GetRequiredService<StatisticsCounter>();
        var ids = users.Select(user => user.Id).ToList();
        Assert.Empty(ids.Except(await counter.FindOutOfDateAsync(0, 100_000, CancellationToken.None)));

        await counter.CountAsync(ids, CancellationToken.None);
        var counted = await scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>().TaskStatistics
            .Where(statistics => ids.Contains(statistics.OwnerId)).ToListAsync();

        Assert.Equal([1, 1], counted.Select(row => row.TotalTasks));
        Assert.Empty(ids.Intersect(await counter.FindOutOfDateAsync(0, 100_000, CancellationToken.None)));
        Assert.All(users, user => Assert.Equal(counted.Single(row => row.OwnerId == user.Id).UpdatedAt, UpdatedAt(user)));

        DateTimeOffset UpdatedAt(ApiUser user) => counter.GetAsync(user.Id, CancellationToken.None).GetAwaiter().GetResult().UpdatedAt;
    }

    [Fact]
    public async Task The_typed_cache_keeps_a_value_for_its_lifetime_and_makes_it_once()
    {
        var cache = api.First.Services.GetRequiredService<TypedCache>();
        var key = $"{Guid.NewGuid()}";
        Assert.Null(await cache.GetAsync<string>(key));
        await cache.SetAsync(key, "kept", TimeSpan.FromMinutes(1));
        Assert.Equal("kept", await api.Second.Services.GetRequiredService<TypedCache>().GetAsync<string>(key));
        Assert.Equal(0, await cache.GetAsync<int>(key));

        var made = 0;
        var values = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => cache.GetOrCreateAsync(
            $"{key}-made",
            async (_, cancellationToken) =>
            {
                await Task.Delay(50, cancellationToken);
                return (Interlocked.Increment(ref made), DateTimeOffset.UtcNow.AddMinutes(1));
            },
            CancellationToken.None)));
        Assert.Equal(1, made);
        Assert.All(values, value => Assert.Equal(1, value));
    }

    private static async Task<(int Total, int Completed, int Overdue, double Rate)> ReadAsync(HttpClient client)
    {
        var statistics = await client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
        Assert.Equal(
            ["total_tasks", "completed_tasks", "overdue_tasks", "completion_rate", "updated_at"],
            statistics.EnumerateObject().Select(member => member.Name));
        return (statistics.GetProperty("total_tasks").GetInt32(), statistics.GetProperty("completed_tasks").GetInt32(),
            statistics.GetProperty("overdue_tasks").GetInt32(), statistics.GetProperty("completion_rate").GetDouble());
    }
}
