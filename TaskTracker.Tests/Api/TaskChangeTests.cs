using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class TaskChangeTests(ApiFixture api)
{
    [Fact]
    public async Task A_change_keeps_what_is_absent_and_clears_what_is_null()
    {
        var user = await api.First.CreateUserAsync();
        using var created = await user.Client.PostAsJsonAsync("/tasks", new { title = "a", description = "b", deadline = "2090-01-31T00:00:00Z" });
        var id = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetInt64();

        var renamed = await PutAsync(user, id, new { title = "c" });
        Assert.Equal("c", renamed.GetProperty("title").GetString());
        Assert.Equal("b", renamed.GetProperty("description").GetString());
        Assert.Equal("2090-01-31T00:00:00.000000Z", renamed.GetProperty("deadline").GetString());
        Assert.True(renamed.GetProperty("updated_at").GetDateTimeOffset() > renamed.GetProperty("created_at").GetDateTimeOffset());

        var cleared = await PutAsync(user, id, new { description = (string?)null, deadline = (string?)null, completed = true });
        Assert.Equal("", cleared.GetProperty("description").GetString());
        Assert.Equal(JsonValueKind.Null, cleared.GetProperty("deadline").ValueKind);
        Assert.True(cleared.GetProperty("completed").GetBoolean());
        Assert.Equal(cleared.GetRawText(), await user.Client.GetStringAsync($"/tasks/{id}"));
        Assert.Equal(cleared.GetRawText(), (await PutAsync(user, id, new { })).GetRawText());
    }

    [Fact]
    public async Task Reminders_follow_the_deadline_and_go_when_the_task_is_done()
    {
        var user = await api.First.CreateUserAsync();
        var id = await user.Client.CreateTaskAsync("a", "2090-01-31T00:00:00Z");

        await PutAsync(user, id, new { deadline = "2091-01-31T00:00:00Z" });
        Assert.Equal([new DateTimeOffset(2091, 1, 30, 0, 0, 0, TimeSpan.Zero)], await DueAsync(id));
        await PutAsync(user, id, new { completed = true });
        Assert.Empty(await DueAsync(id));
        await PutAsync(user, id, new { completed = false });
        Assert.Single(await DueAsync(id));

        // As a delivery does just before the change.
        await api.First.WithDatabaseAsync(db => db.Reminders.Where(reminder => reminder.TaskId == id).ExecuteDeleteAsync());
        await PutAsync(user, id, new { deadline = "2092-01-31T00:00:00Z" });
        Assert.Single(await DueAsync(id));
        await PutAsync(user, id, new { deadline = (string?)null });
        Assert.Empty(await DueAsync(id));
    }

    [Fact]
    public async Task A_deleted_task_is_gone_everywhere_with_its_reminders()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);
        var id = await user.Client.CreateTaskAsync("a", "2090-01-31T00:00:00Z");
        Assert.Single(await other.GetTitlesAsync());

        using var deleted = await user.Client.DeleteAsync($"/tasks/{id}");
        using var again = await user.Client.DeleteAsync($"/tasks/{id}");

        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        Assert.NotEmpty((await deleted.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("message").GetString()!);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
        Assert.Empty(await other.GetTitlesAsync());
        Assert.Empty(await DueAsync(id));
    }

    [Fact]
    public async Task An_unchanged_answer_is_not_sent_again_cached_or_not()
    {
        var user = await api.First.CreateUserAsync();
        var id = await user.Client.CreateTaskAsync("a");

        foreach (var url in (string[])[$"/tasks/{id}", "/tasks", "/tasks?overdue=false", "/tasks/get_tasks"])
        {
            using var first = await user.Client.GetAsync(url);
            var tag = first.Headers.ETag!;
            for (var i = 0; i < 2; i++)
            {
                Assert.Equal(HttpStatusCode.NotModified, await AskAsync(url, tag));
            }

            await PutAsync(user, id, new { description = url });
            Assert.Equal(HttpStatusCode.OK, await AskAsync(url, tag));
        }

        async Task<HttpStatusCode> AskAsync(string url, EntityTagHeaderValue tag)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { IfNoneMatch = { tag } } };
            using var response = await user.Client.SendAsync(request);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task A_change_of_what_has_changed_meanwhile_is_refused_where_the_client_asks_so()
    {
        var user = await api.First.CreateUserAsync();
        var id = await user.Client.CreateTaskAsync("a");
        using var read = await user.Client.GetAsync($"/tasks/{id}");
        var tag = read.Headers.ETag!;

        using var first = await SendAsync(HttpMethod.Put, $"{tag}", new { title = "b" });
        using var second = await SendAsync(HttpMethod.Put, $"{tag}", new { title = "c" });
        using var delete = await SendAsync(HttpMethod.Delete, $"{tag}", null);
        using var unreadable = await SendAsync(HttpMethod.Put, "no quotes", new { title = "d" });
        using var any = await SendAsync(HttpMethod.Put, "*", new { title = "e" });
        using var right = await SendAsync(HttpMethod.Delete, $"{any.Headers.ETag}", null);

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.NotEqual(tag, first.Headers.ETag);
        Assert.Equal(HttpStatusCode.PreconditionFailed, second.StatusCode);
        Assert.Equal("application/problem+json", second.Content.Headers.ContentType?.MediaType);
        Assert.Equal(HttpStatusCode.PreconditionFailed, delete.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, unreadable.StatusCode);
        Assert.Equal(HttpStatusCode.OK, any.StatusCode);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);

        async Task<HttpResponseMessage> SendAsync(HttpMethod method, string ifMatch, object? body)
        {
            using var request = new HttpRequestMessage(method, $"/tasks/{id}") { Content = body is null ? null : JsonContent.Create(body) };
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
            return await user.Client.SendAsync(request);
        }
    }

    [Fact]
    public async Task Of_changes_at_the_same_moment_with_one_tag_one_succeeds()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);
        var id = await user.Client.CreateTaskAsync("a");
        using var read = await user.Client.GetAsync($"/tasks/{id}");
        var tag = read.Headers.ETag!;

        var statuses = await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"/tasks/{id}") { Content = JsonContent.Create(new { title = $"t{i}" }), Headers = { IfMatch = { tag } } };
            using var response = await (i % 2 == 0 ? user.Client : other).SendAsync(request);
            return response.StatusCode;
        }));

        Assert.Single(statuses, status => status == HttpStatusCode.OK);
        Assert.Equal(9, statuses.Count(status => status == HttpStatusCode.PreconditionFailed));
    }

    [Theory]
    [InlineData("/tasks", HttpStatusCode.Created)]
    [InlineData("/tasks/create_task", HttpStatusCode.OK)]
    public async Task Equal_requests_with_one_key_make_one_task_and_get_one_answer(string url, HttpStatusCode status)
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => SendAsync(i % 2 == 0 ? user.Client : other, "a")));
        var later = await SendAsync(user.Client, "a");
        var different = await SendAsync(user.Client, "b");
        var stranger = await api.First.CreateUserAsync();
        var strangers = await SendAsync(stranger.Client, "b");

        Assert.All(answers, answer => Assert.Equal(status, answer.Status));
        Assert.Single(answers.Append(later).Select(answer => answer.Body).Distinct());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, different.Status);
        Assert.Equal(status, strangers.Status);
        Assert.Equal(["a"], await user.Client.GetTitlesAsync());

        // The key is free again once it is old.
        await api.First.WithDatabaseAsync(db => db.IdempotentAnswers.Where(answer => answer.OwnerId == user.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(answer => answer.CreatedAt, answer => answer.CreatedAt.AddHours(-25))));
        Assert.Equal(status, (await SendAsync(user.Client, "b")).Status);
        Assert.Equal(["a", "b"], await user.Client.GetTitlesAsync());

        async Task<(HttpStatusCode Status, string Body)> SendAsync(HttpClient client, string title)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = JsonContent.Create(new { title }) };
            request.Headers.Add("Idempotency-Key", "key 1");
            using var response = await client.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Another_users_task_can_be_neither_changed_nor_deleted_nor_told_apart_from_none()
    {
        var owner = await api.First.CreateUserAsync();
        var stranger = await api.First.CreateUserAsync();
        var id = await owner.Client.CreateTaskAsync("mine");

        using var changed = await stranger.Client.PutAsJsonAsync($"/tasks/{id}", new { title = "yours" });
        using var deleted = await stranger.Client.DeleteAsync($"/tasks/{id}");
        using var none = await stranger.Client.DeleteAsync("/tasks/0");

        Assert.Equal(HttpStatusCode.NotFound, changed.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, deleted.StatusCode);
        Assert.Equal(none.StatusCode, deleted.StatusCode);
        Assert.Equal(["mine"], await owner.Client.GetTitlesAsync());
    }

    private static async Task<JsonElement> PutAsync(ApiUser user, long id, object change)
    {
        using var response = await user.Client.PutAsJsonAsync($"/tasks/{id}", change);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private Task<DateTimeOffset[]> DueAsync(long id) =>
        api.First.WithDatabaseAsync(db => db.Reminders.Where(reminder => reminder.TaskId == id).Select(reminder => reminder.DueAt).ToArrayAsync());
}
