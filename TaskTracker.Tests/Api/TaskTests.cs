using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Notifications;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class TaskTests(ApiFixture api)
{
    [Theory]
    [InlineData("/tasks", HttpStatusCode.Created)]
    [InlineData("/tasks/create_task", HttpStatusCode.OK)]
    public async Task A_created_task_is_answered_in_full_and_found_again(string route, HttpStatusCode expected)
    {
        var user = await api.First.CreateUserAsync();

        using var response = await user.Client.PostAsJsonAsync(route, new { title = "Write", deadline = "2090-01-31T10:30:00.1234567+02:00" });

        Assert.Equal(expected, response.StatusCode);
        var task = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(
            ["id", "title", "description", "completed", "deadline", "created_at", "updated_at", "owner_id"],
            task.EnumerateObject().Select(member => member.Name));
        Assert.Equal("", task.GetProperty("description").GetString());
        Assert.Equal("2090-01-31T08:30:00.123457Z", task.GetProperty("deadline").GetString());
        Assert.Equal(user.Id, task.GetProperty("owner_id").GetInt32());
        Assert.Equal(task.GetRawText(), await user.Client.GetStringAsync($"/tasks/{task.GetProperty("id")}"));
        if (expected == HttpStatusCode.Created)
        {
            Assert.Equal($"/tasks/{task.GetProperty("id")}", response.Headers.Location?.ToString());
        }
    }

    [Fact]
    public async Task A_list_is_walked_page_by_page_by_the_body_or_by_the_Link_header()
    {
        var user = await api.First.CreateUserAsync();
        foreach (var title in (string[])["a", "b", "c", "d", "e"])
        {
            await user.Client.CreateTaskAsync(title);
        }

        var byBody = new List<string>();
        var byLink = new List<string>();
        for (string? cursor = "", link = "/tasks?limit=2&completed=false"; cursor is not null || link is not null;)
        {
            var page = await user.Client.GetFromJsonAsync<JsonElement>($"/tasks?limit=2{(cursor == "" ? "" : $"&cursor={cursor}")}");
            byBody.AddRange(page.GetProperty("items").EnumerateArray().Select(task => task.GetProperty("title").GetString()!));
            cursor = page.GetProperty("next_cursor").GetString();

            using var response = await user.Client.GetAsync(link);
            byLink.AddRange((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").EnumerateArray().Select(task => task.GetProperty("title").GetString()!));
            link = response.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
        }

        Assert.Equal(["a", "b", "c", "d", "e"], byBody);
        Assert.Equal(byBody, byLink);
    }

    [Fact]
    public async Task A_list_shows_done_or_open_tasks_only_where_asked()
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("open");
        await api.First.WithDatabaseAsync(async db =>
        {
            db.Tasks.Add(new TaskItem { OwnerId = user.Id, Title = "done", Completed = true });
            return await db.SaveChangesAsync();
        });

        Assert.Equal(["open"], await user.Client.GetTitlesAsync("/tasks?completed=false"));
        Assert.Equal(["done"], await user.Client.GetTitlesAsync("/tasks?completed=true"));
    }

    [Fact]
    public async Task Another_users_task_does_not_exist_cached_or_not()
    {
        var owner = await api.First.CreateUserAsync();
        var stranger = await api.First.CreateUserAsync();
        var id = await owner.Client.CreateTaskAsync("mine");

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(["mine"], await owner.Client.GetTitlesAsync());
            await owner.Client.GetStringAsync($"/tasks/{id}");
            Assert.Empty(await stranger.Client.GetTitlesAsync());
            using var response = await stranger.Client.GetAsync($"/tasks/{id}");
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.DoesNotContain("mine", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_task_and_its_reminder_are_stored_together()
    {
        var user = await api.First.CreateUserAsync();

        var id = await user.Client.CreateTaskAsync("remind me", "2090-01-31T00:00:00Z");

        var reminder = await api.First.WithDatabaseAsync(db => db.Reminders.SingleAsync(r => r.TaskId == id));
        Assert.Equal(new DateTimeOffset(2090, 1, 30, 0, 0, 0, TimeSpan.Zero), reminder.DueAt);
    }

    [Fact]
    public async Task A_task_its_reminder_and_all_that_goes_with_it_are_one_statement()
    {
        var sent = new SentCommands();
        await using var factory = new ApiFactory(
            api.Database, api.Redis, services: services => services.ConfigureDbContext<TaskTrackerDbContext>(options => options.AddInterceptors(sent)));
        var user = await factory.CreateUserAsync();

        var before = sent.Count;
        await user.Client.CreateTaskAsync("remind me", "2090-01-31T00:00:00Z");

        var command = Assert.Single(sent.Since(before), text => text.Contains(" tasks ", StringComparison.Ordinal) || text.Contains("statistics_marks", StringComparison.Ordinal));
        Assert.Equal("INSERT statistics_marks INSERT tasks INSERT reminders", DatabaseSpans.Summarize(command));
    }

    [Fact]
    public async Task A_write_that_fails_leaves_neither_task_nor_reminder()
    {
        var user = await api.First.CreateUserAsync();
        await using var scope = api.First.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var transaction = scope.ServiceProvider.GetRequiredService<OwnerTransaction>();

        await Assert.ThrowsAsync<InvalidOperationException>(() => transaction.RunAsync<int>([user.Id], async cancellationToken =>
        {
            var task = new TaskItem { OwnerId = user.Id, Title = "never" };
            db.Reminders.Add(new Reminder { Task = task, DueAt = DateTimeOffset.UtcNow.AddDays(1) });
            await db.SaveChangesAsync(cancellationToken);
            throw new InvalidOperationException("as if something failed");
        }, CancellationToken.None));

        Assert.Empty(await user.Client.GetTitlesAsync());
        Assert.Equal(0, await api.First.WithDatabaseAsync(other => other.Reminders.CountAsync(r => r.Task!.OwnerId == user.Id)));
    }

    [Fact]
    public async Task Only_a_reminder_due_before_the_next_look_wakes_the_jobs_service()
    {
        var user = await api.First.CreateUserAsync();
        await using var listener = await Listener.StartAsync(api.Database, WakeUp.Channel);
        var soon = DateTimeOffset.UtcNow.AddDays(1).AddSeconds(20);

        await user.Client.CreateTaskAsync("later", "2090-01-31T00:00:00Z");
        await user.Client.CreateTaskAsync("soon", $"{soon:yyyy-MM-ddTHH:mm:ssZ}");

        Assert.True(await listener.WaitAsync());
        Assert.Equal([$"{soon.AddDays(-1):yyyy-MM-ddTHH:mm:ss}.000000Z"], listener.Heard.Select(notification => notification.Payload));
    }

    [Fact]
    public async Task Notifications_are_listed_latest_first_and_read_by_their_owner_alone()
    {
        var user = await api.First.CreateUserAsync();
        var stranger = await api.First.CreateUserAsync();
        var ids = await api.First.WithDatabaseAsync(async db =>
        {
            var rows = Enumerable.Range(1, 3).Select(i => new Notification
            {
                OwnerId = user.Id,
                TaskId = (user.Id * 10) + i,
                Title = $"n{i}",
                Kind = NotificationKind.Reminder,
                Deadline = DateTimeOffset.UtcNow,
                LeadTime = TimeSpan.FromDays(1),
                CreatedAt = DateTimeOffset.UtcNow,
            }).ToList();
            db.Notifications.AddRange(rows);
            await db.SaveChangesAsync();
            return rows.Select(row => row.Id).ToList();
        });

        Assert.Equal(["n3", "n2"], await user.Client.GetTitlesAsync("/notifications?limit=2"));
        Assert.Empty(await stranger.Client.GetTitlesAsync("/notifications"));
        using var refused = await stranger.Client.PostAsync($"/notifications/{ids[0]}/read", null);
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
        using var read = await user.Client.PostAsync($"/notifications/{ids[0]}/read", null);
        Assert.Equal(HttpStatusCode.NoContent, read.StatusCode);
        var last = (await user.Client.GetFromJsonAsync<JsonElement>("/notifications")).GetProperty("items").EnumerateArray().Last();
        Assert.Equal("reminder", last.GetProperty("kind").GetString());
        Assert.Equal(86400, last.GetProperty("lead_seconds").GetInt64());
        Assert.NotEqual(JsonValueKind.Null, last.GetProperty("read_at").ValueKind);
    }
}
