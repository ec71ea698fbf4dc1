using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Operations;

[Collection(OperationTestsCollection.Name)]
public sealed class BulkUpdateTests(OperationsFixture fixture)
{
    [Fact]
    public async Task Tasks_are_changed_together_and_ids_of_others_count_as_not_found()
    {
        var user = await fixture.Api.CreateUserAsync();
        var other = await fixture.Api.CreateUserAsync();
        var first = await user.Client.CreateTaskAsync("first");
        var second = await user.Client.CreateTaskAsync("second");
        var left = await user.Client.CreateTaskAsync("left alone");
        var theirs = await other.Client.CreateTaskAsync("theirs");
        await user.Client.GetStringAsync($"/tasks/{first}");

        using var response = await user.Client.PostAsJsonAsync(
            "/tasks/bulk-update", new { task_ids = (long[])[second, theirs, first, -1, first, long.MaxValue], update_data = new { completed = true, title = "done" } });

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var started = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(["message", "task_id", "task_count"], started.EnumerateObject().Select(member => member.Name));
        Assert.Equal(5, started.GetProperty("task_count").GetInt32());
        var id = started.GetProperty("task_id").GetGuid();
        Assert.Equal($"/operations/{id}", response.Headers.Location?.ToString());

        var status = await user.Client.EndOfAsync(id);
        Assert.Equal("completed", status.GetProperty("status").GetString());
        Assert.Equal($$"""{"updated":2,"not_found":[{{theirs}},-1,{{long.MaxValue}}]}""", status.GetProperty("result").GetRawText());

        // Read at once: the cache knows of it.
        foreach (var task in (long[])[first, second])
        {
            var now = await user.Client.GetFromJsonAsync<JsonElement>($"/tasks/{task}");
            Assert.Equal(("done", true), (now.GetProperty("title").GetString(), now.GetProperty("completed").GetBoolean()));
        }

        Assert.Equal("left alone", (await user.Client.GetFromJsonAsync<JsonElement>($"/tasks/{left}")).GetProperty("title").GetString());
        Assert.Equal("theirs", (await other.Client.GetFromJsonAsync<JsonElement>($"/tasks/{theirs}")).GetProperty("title").GetString());
    }

    [Fact]
    public async Task Reminders_follow_a_moved_deadline_and_go_when_the_task_is_done()
    {
        var user = await fixture.Api.CreateUserAsync();
        var open = await user.Client.CreateTaskAsync("open", "2090-01-31T00:00:00Z");
        var bare = await user.Client.CreateTaskAsync("bare");

        await ChangeAsync(user, [open, bare], """{"deadline":"2091-06-30T00:00:00Z"}""");
        var due = new DateTimeOffset(2091, 6, 29, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal([(open, due), (bare, due)], await RemindersAsync(user));

        await ChangeAsync(user, [open], """{"completed":true}""");
        Assert.Equal([(bare, due)], await RemindersAsync(user));

        await ChangeAsync(user, [open], """{"completed":false,"description":null}""");
        Assert.Equal([(open, due), (bare, due)], await RemindersAsync(user));

        await ChangeAsync(user, [open, bare], """{"deadline":null}""");
        Assert.Empty(await RemindersAsync(user));
        Assert.Equal(JsonValueKind.Null, (await user.Client.GetFromJsonAsync<JsonElement>($"/tasks/{open}")).GetProperty("deadline").ValueKind);
    }

    [Fact]
    public async Task Ten_thousand_tasks_are_changed_in_chunks()
    {
        var user = await fixture.Api.CreateUserAsync();
        await OperationClient.ExecuteAsync(
            fixture.Database,
            $"""
            insert into tasks (owner_id, title, description, completed, created_at, updated_at)
            select {user.Id}, 'task', '', false, now(), now() from generate_series(1, 9999)
            """);
        var ids = await fixture.Api.WithDatabaseAsync(db => db.Tasks.Where(task => task.OwnerId == user.Id).Select(task => task.Id).ToListAsync());

        var status = await user.Client.EndOfAsync(await user.Client.StartBulkUpdateAsync([.. ids, -1], new { completed = true, deadline = "2091-06-30" }));

        Assert.Equal("""{"updated":9999,"not_found":[-1]}""", status.GetProperty("result").GetRawText());
        Assert.Equal(9_999, await fixture.Api.WithDatabaseAsync(db => db.Tasks.CountAsync(task => task.OwnerId == user.Id && task.Completed)));
    }

    [Theory]
    [InlineData("""{"task_ids":[],"update_data":{"completed":true}}""", "task_ids")]
    [InlineData("""{"update_data":{"completed":true}}""", "task_ids")]
    [InlineData("""{"task_ids":["1"],"update_data":{"completed":true}}""", "task_ids[0]")]
    [InlineData("""{"task_ids":[1]}""", "update_data")]
    [InlineData("""{"task_ids":[1],"update_data":null}""", "update_data")]
    [InlineData("""{"task_ids":[1],"update_data":{}}""", "update_data.title")]
    [InlineData("""{"task_ids":[1],"update_data":{"owner_id":2}}""", "update_data.owner_id")]
    [InlineData("""{"task_ids":[1],"update_data":{"completed":true,"id":2}}""", "update_data.id")]
    [InlineData("""{"task_ids":[1],"update_data":{"title":null}}""", "update_data.title")]
    [InlineData("""{"task_ids":[1],"update_data":{"title":" "}}""", "update_data.title")]
    [InlineData("""{"task_ids":[1],"update_data":{"title":5}}""", "update_data.title")]
    [InlineData("""{"task_ids":[1],"update_data":{"completed":null}}""", "update_data.completed")]
    [InlineData("""{"task_ids":[1],"update_data":{"completed":"yes"}}""", "update_data.completed")]
    [InlineData("""{"task_ids":[1],"update_data":{"deadline":"soon"}}""", "update_data.deadline")]
    [InlineData("""{"task_ids":[1],"update_data":{"description":"a\u0000b"}}""", "update_data.description")]
    public async Task What_cannot_be_done_is_refused_with_the_field_named(string body, string field)
    {
        var user = await fixture.Api.CreateUserAsync();

        using var response = await user.Client.PostAsync("/tasks/bulk-update", new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(field, Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
        Assert.Equal(0, await fixture.Api.WithDatabaseAsync(db => db.Operations.CountAsync(operation => operation.OwnerId == user.Id)));
    }

    [Fact]
    public async Task More_than_ten_thousand_ids_are_refused()
    {
        var user = await fixture.Api.CreateUserAsync();

        using var response = await user.Client.PostAsJsonAsync(
            "/tasks/bulk-update", new { task_ids = Enumerable.Range(1, 10_001), update_data = new { completed = true } });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("task_ids", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static async Task ChangeAsync(ApiUser user, long[] ids, string changes)
    {
        var status = await user.Client.EndOfAsync(await user.Client.StartBulkUpdateAsync(ids, JsonSerializer.Deserialize<JsonElement>(changes)));
        Assert.Equal("completed", status.GetProperty("status").GetString());
    }

    private Task<(long Task, DateTimeOffset DueAt)[]> RemindersAsync(ApiUser user) => fixture.Api.WithDatabaseAsync(async db =>
        (await db.Reminders.Where(reminder => reminder.Task!.OwnerId == user.Id).OrderBy(reminder => reminder.TaskId).ToListAsync())
        .Select(reminder => (reminder.TaskId, reminder.DueAt)).ToArray());
}
