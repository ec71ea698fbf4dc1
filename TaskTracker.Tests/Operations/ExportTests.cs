using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using TaskTracker.Data.Operations;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Operations;

[Collection(OperationTestsCollection.Name)]
public sealed class ExportTests(OperationsFixture fixture)
{
    [Fact]
    public async Task An_export_is_asked_for_followed_and_downloaded()
    {
        var user = await fixture.Api.CreateUserAsync();
        await user.Client.CreateTaskAsync("one");
        await user.Client.CreateTaskAsync("two", "2090-01-31T00:00:00Z");

        using var response = await user.Client.PostAsync("/tasks/export?export_format=json", null);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var started = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(["message", "task_id", "status_url"], started.EnumerateObject().Select(member => member.Name));
        var id = started.GetProperty("task_id").GetGuid();
        Assert.Equal($"/tasks/export-status/{id}", started.GetProperty("status_url").GetString());
        Assert.Equal($"/tasks/export-status/{id}", response.Headers.Location?.ToString());

        await user.Client.EndOfAsync(id);
        var status = await user.Client.GetFromJsonAsync<JsonElement>($"/tasks/export-status/{id}");
        Assert.Equal(["status", "progress", "result", "error"], status.EnumerateObject().Select(member => member.Name));
        Assert.Equal("completed", status.GetProperty("status").GetString());
        Assert.Equal(100, status.GetProperty("progress").GetInt32());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("error").ValueKind);
        var result = status.GetProperty("result");
        Assert.Equal(["export_key", "task_count", "format", "download_url"], result.EnumerateObject().Select(member => member.Name));
        Assert.Equal((2, "json"), (result.GetProperty("task_count").GetInt32(), result.GetProperty("format").GetString()));

        using var file = await user.Client.GetAsync(result.GetProperty("download_url").GetString());
        Assert.Equal(HttpStatusCode.OK, file.StatusCode);
        Assert.Equal("application/json", file.Content.Headers.ContentType?.ToString());
        Assert.Matches(@"^tasks-\d{4}-\d\d-\d\d-\d{6}\.json$", file.Content.Headers.ContentDisposition?.FileName);
        Assert.Equal("attachment", file.Content.Headers.ContentDisposition?.DispositionType);

        // The file shows what the API shows.
        var items = (await user.Client.GetFromJsonAsync<JsonElement>("/tasks")).GetProperty("items");
        Assert.True(JsonElement.DeepEquals(items, await file.Content.ReadFromJsonAsync<JsonElement>()));
    }

    [Theory]
    [InlineData("ndjson", "application/x-ndjson", "{\"id\":")]
    [InlineData("csv", "text/csv; charset=utf-8; header=present", "id,title,")]
    public async Task The_file_comes_in_the_format_asked_for(string format, string type, string beginning)
    {
        var user = await fixture.Api.CreateUserAsync();
        await user.Client.CreateTaskAsync("one");

        using var file = await user.Client.GetAsync($"/exports/{await user.Client.ExportAsync(format)}");

        Assert.Equal(type, file.Content.Headers.ContentType?.ToString());
        Assert.EndsWith($".{format}", file.Content.Headers.ContentDisposition?.FileName, StringComparison.Ordinal);
        Assert.StartsWith(beginning, await file.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_no_tasks_gets_a_file_without_any()
    {
        var user = await fixture.Api.CreateUserAsync();

        Assert.Equal("[]\n", await user.Client.GetStringAsync($"/exports/{await user.Client.ExportAsync()}"));
        Assert.Equal("", await user.Client.GetStringAsync($"/exports/{await user.Client.ExportAsync("ndjson")}"));
    }

    [Theory]
    [InlineData("xml")]
    [InlineData("JSON")]
    [InlineData("0")]
    [InlineData("")]
    public async Task An_unknown_format_is_refused_with_the_field_named(string format)
    {
        var user = await fixture.Api.CreateUserAsync();

        using var response = await user.Client.PostAsync($"/tasks/export?export_format={format}", null);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("export_format", Assert.Single(problem.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task Any_part_of_a_large_file_can_be_asked_for()
    {
        var user = await fixture.Api.CreateUserAsync();
        await AddTasksAsync(user.Id, 5_000, descriptionLength: 500);
        var url = $"/exports/{await user.Client.ExportAsync("ndjson")}";

        using var whole = await user.Client.GetAsync(url);
        var bytes = await whole.Content.ReadAsByteArrayAsync();
        Assert.True(bytes.Length > 2 * ExportChunk.Size);
        Assert.Equal(5_000, Encoding.UTF8.GetString(bytes).AsSpan().Count('\n'));
        Assert.Equal("bytes", whole.Headers.AcceptRanges.Single());
        var tag = whole.Headers.ETag!;

        const int Border = ExportChunk.Size;
        foreach (var (range, from, to) in ((string, int, int)[])
        [
            ("bytes=0-0", 0, 0), ($"bytes={Border - 1}-{Border}", Border - 1, Border), ($"bytes=10-{(2 * Border) + 10}", 10, (2 * Border) + 10),
            ("bytes=-7", bytes.Length - 7, bytes.Length - 1), ($"bytes={bytes.Length - 3}-", bytes.Length - 3, bytes.Length - 1),
        ])
        {
            using var part = await GetAsync(user.Client, HttpMethod.Get, url, ("Range", range));
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal($"bytes {from}-{to}/{bytes.Length}", part.Content.Headers.ContentRange?.ToString());
            Assert.Equal(bytes[from..(to + 1)], await part.Content.ReadAsByteArrayAsync());
        }

        using var beyond = await GetAsync(user.Client, HttpMethod.Get, url, ("Range", $"bytes={bytes.Length}-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
        using var known = await GetAsync(user.Client, HttpMethod.Get, url, ("If-None-Match", tag.ToString()));
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        using var resumed = await GetAsync(user.Client, HttpMethod.Get, url, ("Range", "bytes=5-9"), ("If-Range", tag.ToString()));
        Assert.Equal(bytes[5..10], await resumed.Content.ReadAsByteArrayAsync());
        using var other = await GetAsync(user.Client, HttpMethod.Get, url, ("Range", "bytes=5-9"), ("If-Range", "\"other\""));
        Assert.Equal((HttpStatusCode.OK, bytes.Length), (other.StatusCode, (await other.Content.ReadAsByteArrayAsync()).Length));
        using var head = await GetAsync(user.Client, HttpMethod.Head, url);
        Assert.Equal((HttpStatusCode.OK, bytes.Length), (head.StatusCode, head.Content.Headers.ContentLength));
    }

    [Fact]
    public async Task An_expired_export_is_gone()
    {
        var user = await fixture.Api.CreateUserAsync();
        var key = await user.Client.ExportAsync();
        var lifetime = await OperationClient.QueryAsync<TimeSpan>(fixture.Database, $"select expires_at - finished_at from operations where id = '{key}'");
        Assert.InRange(lifetime, TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1), TimeSpan.FromDays(7));

        await OperationClient.ExecuteAsync(fixture.Database, $"update operations set expires_at = now() where id = '{key}'");

        using var response = await user.Client.GetAsync($"/exports/{key}");
        Assert.Equal(HttpStatusCode.Gone, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Another_users_export_does_not_exist()
    {
        var owner = await fixture.Api.CreateUserAsync();
        var stranger = await fixture.Api.CreateUserAsync();
        await owner.Client.CreateTaskAsync("mine");
        var key = await owner.Client.ExportAsync();

        foreach (var (method, url) in ((HttpMethod, string)[])
        [
            (HttpMethod.Get, $"/exports/{key}"), (HttpMethod.Get, $"/operations/{key}"), (HttpMethod.Get, $"/tasks/export-status/{key}"),
            (HttpMethod.Delete, $"/operations/{key}"), (HttpMethod.Get, $"/operations/{Guid.NewGuid()}"), (HttpMethod.Get, "/tasks/export-status/none"),
        ])
        {
            using var response = await GetAsync(stranger.Client, method, url);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.DoesNotContain("mine", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var nobody = fixture.Api.CreateClient();
        using var refused = await nobody.GetAsync($"/exports/{key}");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    private Task AddTasksAsync(int owner, int count, int descriptionLength) => OperationClient.ExecuteAsync(
        fixture.Database,
        $"""
        insert into tasks (owner_id, title, description, completed, created_at, updated_at)
        select {owner}, 'task ' || i, repeat('x', {descriptionLength}), false, now(), now() from generate_series(1, {count}) i
        """);

    private static async Task<HttpResponseMessage> GetAsync(HttpClient client, HttpMethod method, string url, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request);
    }
}
