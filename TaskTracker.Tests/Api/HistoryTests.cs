using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Data.Statistics;

namespace TaskTracker.Tests.Api;

/// <summary>What was created and completed, day by day.</summary>
[Collection(ApiTests.Name)]
public sealed class HistoryTests(ApiFixture api)
{
    [Fact]
    public async Task Tasks_count_on_the_days_they_were_created_and_completed()
    {
        var user = await api.First.CreateUserAsync();
        var done = await user.Client.CreateTaskAsync("done");
        await user.Client.CreateTaskAsync("open");
        using var completed = await user.Client.PutAsJsonAsync($"/tasks/{done}", new { completed = true });
        // Nothing else is a completion: neither a later change nor one of another user.
        using var renamed = await user.Client.PutAsJsonAsync($"/tasks/{done}", new { title = "done and renamed" });
        await (await api.First.CreateUserAsync()).Client.CreateTaskAsync("of another");

        var history = await user.Client.GetFromJsonAsync<JsonElement>("/tasks/statistics/history?days=7");

        var days = history.GetProperty("days").EnumerateArray().ToList();
        Assert.Equal(7, days.Count);
        Assert.Equal("UTC", history.GetProperty("time_zone").GetString());
        Assert.Equal(2, days.Sum(day => day.GetProperty("created").GetInt32()));
        Assert.Equal(1, days.Sum(day => day.GetProperty("completed").GetInt32()));
    }

    [Fact]
    public async Task A_task_that_is_opened_again_was_never_completed_and_one_completed_again_counts_anew()
    {
        var user = await api.First.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("back and forth");
        var counts = new List<int>();
        foreach (var value in (bool[])[true, false, true])
        {
            using var changed = await user.Client.PutAsJsonAsync($"/tasks/{task}", new { completed = value });
            var history = await user.Client.GetFromJsonAsync<JsonElement>("/tasks/statistics/history?days=2");
            counts.Add(history.GetProperty("days").EnumerateArray().Sum(day => day.GetProperty("completed").GetInt32()));
        }

        Assert.Equal([1, 0, 1], counts);
    }

    [Fact]
    public async Task Days_are_those_of_the_time_zone_across_a_change_of_clocks()
    {
        var user = await api.First.CreateUserAsync();
        // On 31 March 2030 clocks in Berlin go forward: the day lasts from 23:00 to 22:00 in UTC.
        DateTimeOffset[] moments =
        [
            new(2030, 3, 30, 22, 59, 59, TimeSpan.Zero), new(2030, 3, 30, 23, 0, 0, TimeSpan.Zero),
            new(2030, 3, 31, 21, 59, 59, TimeSpan.Zero), new(2030, 3, 31, 22, 0, 0, TimeSpan.Zero),
        ];
        foreach (var moment in moments)
        {
            var id = await user.Client.CreateTaskAsync($"at {moment:O}");
            await api.First.WithDatabaseAsync(db => db.Tasks.Where(task => task.Id == id).ExecuteUpdateAsync(set => set.SetProperty(task => task.CreatedAt, moment)));
        }

        var days = await api.First.WithDatabaseAsync(db => new TaskHistory(db, new StoppedClock(new(2030, 4, 1, 10, 0, 0, TimeSpan.Zero)))
            .GetAsync(user.Id, 3, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), CancellationToken.None));

        Assert.Equal([(30, 1), (31, 2), (1, 1)], days.Select(day => (day.Date.Day, day.Created)));
    }

    [Theory]
    [InlineData("days=0", "days")]
    [InlineData("days=367", "days")]
    [InlineData("time_zone=Mars/Olympus", "time_zone")]
    [InlineData("time_zone=../../etc/passwd", "time_zone")]
    public async Task Days_and_zones_that_are_none_are_refused_by_name(string query, string field)
    {
        var user = await api.First.CreateUserAsync();

        using var response = await user.Client.GetAsync($"/tasks/statistics/history?{query}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
    }

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
