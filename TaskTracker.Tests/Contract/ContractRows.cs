using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace TaskTracker.Tests.Contract;

/// <summary>
/// The wire contract, a row for each route: what a client of it does, whichever system answers. Every answer is also held
/// against that system's own OpenAPI document.
/// </summary>
/// <param name="connect">Makes a client of the system, at one address however many replicas are behind it.</param>
/// <param name="leadTime">How long before a deadline that system reminds.</param>
public sealed class ContractRows(Func<HttpClient> connect, TimeSpan leadTime)
{
    private const string Password = "correct horse battery staple";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);
    private static readonly string[] s_taskFields = ["id", "title", "description", "completed", "deadline", "created_at", "updated_at", "owner_id"];

    private readonly Lazy<Task<ApiDocument>> _document = new(async () =>
    {
        using var client = connect();
        return await ApiDocument.ReadAsync(client);
    });

    /// <summary>The rows by their routes.</summary>
    public static IReadOnlyDictionary<string, Func<ContractRows, Task>> All { get; } = new Dictionary<string, Func<ContractRows, Task>>
    {
        ["GET /"] = rows => rows.WelcomesAsync(),
        ["GET /health"] = rows => rows.TellsHealthAsync(),
        ["GET /alive"] = rows => rows.TellsLifeAsync(),
        ["GET /cache/status"] = rows => rows.TriesTheCacheAsync(),
        ["GET /docs"] = rows => rows.ShowsDocumentationAsync(),
        ["POST /auth/register"] = rows => rows.RegistersAsync(),
        ["POST /auth/login"] = rows => rows.LogsInAsync(),
        ["POST /auth/refresh"] = rows => rows.RefreshesAsync(),
        ["POST /auth/logout"] = rows => rows.LogsOutAsync(),
        ["GET /auth/me"] = rows => rows.TellsTheAccountAsync(),
        ["POST /tasks"] = rows => rows.CreatesAsync("/tasks", HttpStatusCode.Created),
        ["POST /tasks/create_task"] = rows => rows.CreatesAsync("/tasks/create_task", HttpStatusCode.OK),
        ["GET /tasks"] = rows => rows.ListsAsync(),
        ["GET /tasks/get_tasks"] = rows => rows.ListsAsAnArrayAsync(),
        ["GET /tasks/{id}"] = rows => rows.ReadsAsync(),
        ["PUT /tasks/{id}"] = rows => rows.ChangesAsync(),
        ["DELETE /tasks/{id}"] = rows => rows.DeletesAsync(),
        ["GET /tasks/statistics"] = rows => rows.CountsAsync(),
        ["GET /tasks/statistics/history"] = rows => rows.CountsByDayAsync(),
        ["POST /tasks/export"] = rows => rows.StartsAnExportAsync(),
        ["GET /tasks/export-status/{id}"] = rows => rows.FollowsAnOperationAsync("/tasks/export-status/"),
        ["GET /operations/{id}"] = rows => rows.FollowsAnOperationAsync("/operations/"),
        ["GET /exports/{exportKey}"] = rows => rows.DownloadsAsync(),
        ["POST /tasks/bulk-update"] = rows => rows.ChangesManyAsync(),
        ["DELETE /operations/{id}"] = rows => rows.CancelsAsync(),
        ["GET /notifications"] = rows => rows.NotifiesAsync(),
        ["GET /notifications/unread"] = rows => rows.CountsUnreadAsync(),
        ["POST /notifications/{id}/read"] = rows => rows.MarksAsReadAsync(),
        ["GET /notifications/stream"] = rows => rows.StreamsAsync(),
        ["GET /notifications/settings"] = rows => rows.TellsChannelsAsync(),
        ["PUT /notifications/settings"] = rows => rows.ChangesChannelsAsync(),
        ["DELETE /notifications/settings"] = rows => rows.TurnsChannelsOffAsync(),
        ["POST /notifications/settings/test"] = rows => rows.TestsChannelsAsync(),
        ["GET /notifications/deliveries"] = rows => rows.ListsDeliveriesAsync(),
    };

    // An address, so that nobody is asked for one; nothing is sent to it.
    private const string Webhook = "https://93.184.216.34/hook";

    private async Task WelcomesAsync()
    {
        using var client = connect();
        var answer = await SendAsync(client, HttpMethod.Get, "/");
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("/docs", answer.Json.GetProperty("docs").GetString());
    }

    private async Task TellsHealthAsync()
    {
        using var client = connect();
        var answer = await EventuallyAsync(
            "healthy", () => SendAsync(client, HttpMethod.Get, "/health"), answer => answer.Json.GetProperty("status").GetString() == "healthy");
        Assert.Equal(["status", "database", "redis", "redis_status", "jobs"], answer.Fields);
    }

    private async Task TellsLifeAsync()
    {
        using var client = connect();
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, HttpMethod.Get, "/alive")).Status);
    }

    private async Task TriesTheCacheAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var answer = await EventuallyAsync(
            "a working cache", () => SendAsync(client, HttpMethod.Get, "/cache/status"), answer => answer.Json.GetProperty("cache_working").GetBoolean());
        Assert.Equal(300, answer.Json.GetProperty("cache_ttl").GetInt32());
        Assert.Equal(["hits", "misses", "hit_ratio", "keys", "memory_bytes", "evictions"], answer.Json.GetProperty("counts").EnumerateObject().Select(member => member.Name));
        using var nobody = connect();
        Assert.Equal(JsonValueKind.Null, (await SendAsync(nobody, HttpMethod.Get, "/cache/status")).Json.GetProperty("counts").ValueKind);
    }

    private async Task ShowsDocumentationAsync()
    {
        using var client = connect();
        using var page = await client.GetAsync("/docs/index.html");
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty((await _document.Value).Operations);
    }

    private async Task RegistersAsync()
    {
        using var client = connect();
        var name = NewName();
        var account = new { username = name, email = $"{name}@example.com", password = Password };

        var answer = await SendAsync(client, HttpMethod.Post, "/auth/register", account);
        var again = await SendAsync(client, HttpMethod.Post, "/auth/register", account);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(["id", "username", "email", "is_active"], answer.Fields);
        again.IsProblem(HttpStatusCode.BadRequest, "username");
        (await SendAsync(client, HttpMethod.Post, "/auth/register", new { username = NewName(), email = "none", password = Password })).IsProblem(HttpStatusCode.BadRequest, "email");
    }

    private async Task LogsInAsync()
    {
        using var client = connect();
        var name = await RegisterAsync(client);

        var answer = await LogInAsync(client, name, Password);
        var refused = await LogInAsync(client, name, "wrong");

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(["access_token", "token_type", "expires_in", "refresh_token"], answer.Fields);
        Assert.Equal("bearer", answer.Json.GetProperty("token_type").GetString());
        refused.IsProblem(HttpStatusCode.Unauthorized);
        Assert.Equal("Bearer", refused.Header("WWW-Authenticate"));
    }

    private async Task RefreshesAsync()
    {
        var (client, tokens) = await LogInNewUserAsync();
        var refresh = new { refresh_token = tokens.GetProperty("refresh_token").GetString() };

        var answer = await SendAsync(client, HttpMethod.Post, "/auth/refresh", refresh);
        var again = await SendAsync(client, HttpMethod.Post, "/auth/refresh", refresh);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(["access_token", "token_type", "expires_in", "refresh_token"], answer.Fields);
        again.IsProblem(HttpStatusCode.Unauthorized);
    }

    private async Task LogsOutAsync()
    {
        var (client, tokens) = await LogInNewUserAsync();
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(client, HttpMethod.Post, "/auth/logout")).Status);
        (await SendAsync(client, HttpMethod.Post, "/auth/refresh", new { refresh_token = tokens.GetProperty("refresh_token").GetString() }))
            .IsProblem(HttpStatusCode.Unauthorized);
    }

    private async Task TellsTheAccountAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        Assert.Equal(["id", "username", "email", "is_active"], (await SendAsync(client, HttpMethod.Get, "/auth/me")).Fields);
        using var nobody = connect();
        (await SendAsync(nobody, HttpMethod.Get, "/auth/me")).IsProblem(HttpStatusCode.Unauthorized);
    }

    private async Task CreatesAsync(string url, HttpStatusCode status)
    {
        var (client, _) = await LogInNewUserAsync();
        var body = new { title = "Write the report", deadline = "2090-01-31T08:30:00" };

        var answer = await SendAsync(client, HttpMethod.Post, url, body, ("Idempotency-Key", "key"));
        var again = await SendAsync(client, HttpMethod.Post, url, body, ("Idempotency-Key", "key"));

        Assert.Equal(status, answer.Status);
        Assert.Equal(s_taskFields, answer.Fields);
        Assert.Equal(status == HttpStatusCode.Created ? $"/tasks/{answer.Json.GetProperty("id")}" : null, answer.Header("Location"));
        Assert.Equal("", answer.Json.GetProperty("description").GetString());
        Assert.Equal("2090-01-31T08:30:00.000000Z", answer.Json.GetProperty("deadline").GetString());
        Assert.False(answer.Json.GetProperty("completed").GetBoolean());
        Assert.Equal(answer.Text, again.Text);
        (await SendAsync(client, HttpMethod.Post, url, new { title = "other" }, ("Idempotency-Key", "key"))).IsProblem(HttpStatusCode.UnprocessableEntity);
        (await SendAsync(client, HttpMethod.Post, url, new { title = " " })).IsProblem(HttpStatusCode.BadRequest, "title");
    }

    private async Task ListsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        foreach (var title in (string[])["a", "b", "c"])
        {
            await CreateAsync(client, title);
        }

        var first = await SendAsync(client, HttpMethod.Get, "/tasks?limit=2&sort=-title&completed=false");
        var cursor = first.Json.GetProperty("next_cursor").GetString();
        var second = await SendAsync(client, HttpMethod.Get, $"/tasks?limit=2&sort=-title&completed=false&cursor={cursor}");
        var found = await SendAsync(client, HttpMethod.Get, "/tasks?q=b&overdue=false");

        Assert.Equal(["c", "b"], Titles(first.Json.GetProperty("items")));
        Assert.Equal(s_taskFields, first.Json.GetProperty("items")[0].EnumerateObject().Select(member => member.Name));
        Assert.Contains("rel=\"next\"", first.Header("Link"), StringComparison.Ordinal);
        Assert.Equal(["a"], Titles(second.Json.GetProperty("items")));
        Assert.Equal(JsonValueKind.Null, second.Json.GetProperty("next_cursor").ValueKind);
        Assert.Equal(["b"], Titles(found.Json.GetProperty("items")));
        Assert.Equal(HttpStatusCode.NotModified, (await SendAsync(client, HttpMethod.Get, "/tasks?q=b&overdue=false", null, ("If-None-Match", found.Header("ETag")!))).Status);
        (await SendAsync(client, HttpMethod.Get, "/tasks?limit=0")).IsProblem(HttpStatusCode.BadRequest, "limit");
    }

    private async Task ListsAsAnArrayAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await CreateAsync(client, "a");
        await CreateAsync(client, "b");
        var answer = await SendAsync(client, HttpMethod.Get, "/tasks/get_tasks");
        Assert.Equal(["a", "b"], Titles(answer.Json));
        Assert.Equal(HttpStatusCode.NotModified, (await SendAsync(client, HttpMethod.Get, "/tasks/get_tasks", null, ("If-None-Match", answer.Header("ETag")!))).Status);
    }

    private async Task ReadsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var id = await CreateAsync(client, "a");

        var answer = await SendAsync(client, HttpMethod.Get, $"/tasks/{id}");

        Assert.Equal(s_taskFields, answer.Fields);
        Assert.Equal(HttpStatusCode.NotModified, (await SendAsync(client, HttpMethod.Get, $"/tasks/{id}", null, ("If-None-Match", answer.Header("ETag")!))).Status);
        var (stranger, _) = await LogInNewUserAsync();
        (await SendAsync(stranger, HttpMethod.Get, $"/tasks/{id}")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task ChangesAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var id = await CreateAsync(client, "a");
        var tag = (await SendAsync(client, HttpMethod.Get, $"/tasks/{id}")).Header("ETag")!;

        var answer = await SendAsync(client, HttpMethod.Put, $"/tasks/{id}", new { completed = true, description = "more" }, ("If-Match", tag));
        var stale = await SendAsync(client, HttpMethod.Put, $"/tasks/{id}", new { title = "b" }, ("If-Match", tag));
        var cleared = await SendAsync(client, HttpMethod.Put, $"/tasks/{id}", new { description = (string?)null });

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal("a", answer.Json.GetProperty("title").GetString());
        Assert.True(answer.Json.GetProperty("completed").GetBoolean());
        Assert.NotEqual(tag, answer.Header("ETag"));
        stale.IsProblem(HttpStatusCode.PreconditionFailed);
        Assert.Equal("", cleared.Json.GetProperty("description").GetString());

        // Another replica may answer the read.
        Assert.True((await SendAsync(client, HttpMethod.Get, $"/tasks/{id}")).Json.GetProperty("completed").GetBoolean());
        (await SendAsync(client, HttpMethod.Put, $"/tasks/{id}", new { title = (string?)null })).IsProblem(HttpStatusCode.BadRequest, "title");
        (await SendAsync(client, HttpMethod.Put, "/tasks/0", new { title = "b" })).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task DeletesAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var id = await CreateAsync(client, "a");
        (await SendAsync(client, HttpMethod.Delete, $"/tasks/{id}", null, ("If-Match", "\"other\""))).IsProblem(HttpStatusCode.PreconditionFailed);
        var answer = await SendAsync(client, HttpMethod.Delete, $"/tasks/{id}");
        Assert.Equal(["message"], answer.Fields);
        (await SendAsync(client, HttpMethod.Delete, $"/tasks/{id}")).IsProblem(HttpStatusCode.NotFound);
        (await SendAsync(client, HttpMethod.Get, $"/tasks/{id}")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task CountsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await SendAsync(client, HttpMethod.Put, $"/tasks/{await CreateAsync(client, "a")}", new { completed = true });
        await CreateAsync(client, "b", "2020-01-01T00:00:00Z");
        var answer = await SendAsync(client, HttpMethod.Get, "/tasks/statistics");
        Assert.Equal(["total_tasks", "completed_tasks", "overdue_tasks", "completion_rate", "updated_at"], answer.Fields);
        Assert.Equal((2, 1, 1, 50.0), (
            answer.Json.GetProperty("total_tasks").GetInt32(), answer.Json.GetProperty("completed_tasks").GetInt32(),
            answer.Json.GetProperty("overdue_tasks").GetInt32(), answer.Json.GetProperty("completion_rate").GetDouble()));
    }

    private async Task StartsAnExportAsync()
    {
        var (client, _) = await LogInNewUserAsync();

        var answer = await SendAsync(client, HttpMethod.Post, "/tasks/export?export_format=csv", null, ("Idempotency-Key", "key"));
        var again = await SendAsync(client, HttpMethod.Post, "/tasks/export?export_format=csv", null, ("Idempotency-Key", "key"));

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(["message", "task_id", "status_url"], answer.Fields);
        Assert.Equal(answer.Json.GetProperty("status_url").GetString(), answer.Header("Location"));
        Assert.Equal(answer.Text, again.Text);
        Assert.Equal(answer.Header("Location"), again.Header("Location"));
        (await SendAsync(client, HttpMethod.Post, "/tasks/export?export_format=json", null, ("Idempotency-Key", "key"))).IsProblem(HttpStatusCode.UnprocessableEntity);
        (await SendAsync(client, HttpMethod.Post, "/tasks/export?export_format=xml")).IsProblem(HttpStatusCode.BadRequest, "export_format");
    }

    private async Task FollowsAnOperationAsync(string url)
    {
        var (client, _) = await LogInNewUserAsync();
        await CreateAsync(client, "a");
        var id = (await SendAsync(client, HttpMethod.Post, "/tasks/export")).Json.GetProperty("task_id").GetString();

        var answer = await EndOfAsync(client, $"{url}{id}");

        Assert.Equal(["status", "progress", "result", "error"], answer.Fields);
        Assert.Equal("completed", answer.Json.GetProperty("status").GetString());
        Assert.Equal(100, answer.Json.GetProperty("progress").GetInt32());
        Assert.Equal(["export_key", "task_count", "format", "download_url"], answer.Json.GetProperty("result").EnumerateObject().Select(member => member.Name));
        (await SendAsync(client, HttpMethod.Get, $"{url}{Guid.NewGuid()}")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task DownloadsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await CreateAsync(client, "a");
        foreach (var (format, type) in ((string, string)[])[("json", "application/json"), ("ndjson", "application/x-ndjson"), ("csv", "text/csv")])
        {
            var started = await SendAsync(client, HttpMethod.Post, $"/tasks/export?export_format={format}");
            var url = (await EndOfAsync(client, started.Json.GetProperty("status_url").GetString()!)).Json.GetProperty("result").GetProperty("download_url").GetString()!;

            var answer = await SendAsync(client, HttpMethod.Get, url);
            var part = await SendAsync(client, HttpMethod.Get, url, null, ("Range", "bytes=0-0"));

            Assert.Equal(type, answer.ContentType);
            Assert.Contains("attachment", answer.Header("Content-Disposition"), StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.PartialContent, part.Status);
            Assert.Equal(answer.Text[..1], part.Text);
            Assert.Equal(HttpStatusCode.NotModified, (await SendAsync(client, HttpMethod.Get, url, null, ("If-None-Match", answer.Header("ETag")!))).Status);
            Assert.Equal(HttpStatusCode.PreconditionFailed, (await SendAsync(client, HttpMethod.Get, url, null, ("If-Match", "\"other\""))).Status);
            Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await SendAsync(client, HttpMethod.Get, url, null, ("Range", "bytes=9999999-"))).Status);
        }

        (await SendAsync(client, HttpMethod.Get, $"/exports/{Guid.NewGuid()}")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task ChangesManyAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var id = await CreateAsync(client, "a");
        var body = new { task_ids = new[] { id, 0 }, update_data = new { completed = true } };

        var answer = await SendAsync(client, HttpMethod.Post, "/tasks/bulk-update", body, ("Idempotency-Key", "key"));
        var again = await SendAsync(client, HttpMethod.Post, "/tasks/bulk-update", body, ("Idempotency-Key", "key"));

        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(["message", "task_id", "task_count"], answer.Fields);
        Assert.Equal(2, answer.Json.GetProperty("task_count").GetInt32());
        Assert.Equal(answer.Text, again.Text);
        Assert.Equal("""{"updated":1,"not_found":[0]}""", (await EndOfAsync(client, answer.Header("Location")!)).Json.GetProperty("result").GetRawText());
        Assert.True((await SendAsync(client, HttpMethod.Get, $"/tasks/{id}")).Json.GetProperty("completed").GetBoolean());
        (await SendAsync(client, HttpMethod.Post, "/tasks/bulk-update", new { task_ids = new[] { id }, update_data = new { title = "b" } }, ("Idempotency-Key", "key")))
            .IsProblem(HttpStatusCode.UnprocessableEntity);
        (await SendAsync(client, HttpMethod.Post, "/tasks/bulk-update", new { task_ids = new[] { id }, update_data = new { owner_id = 1 } }))
            .IsProblem(HttpStatusCode.BadRequest, "update_data.owner_id");
    }

    private async Task CancelsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var started = await SendAsync(client, HttpMethod.Post, "/tasks/export");
        var url = $"/operations/{started.Json.GetProperty("task_id").GetString()}";

        // It may have ended by then: 409 says so.
        var answer = await SendAsync(client, HttpMethod.Delete, url);
        Assert.Contains(answer.Status, (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.Accepted, HttpStatusCode.Conflict]);
        var end = await EndOfAsync(client, url);
        Assert.Contains(end.Json.GetProperty("status").GetString(), answer.Status == HttpStatusCode.OK ? ["cancelled"] : (string[])["cancelled", "completed"]);
        var again = await SendAsync(client, HttpMethod.Delete, url);
        Assert.Equal(end.Json.GetProperty("status").GetString() == "cancelled" ? HttpStatusCode.OK : HttpStatusCode.Conflict, again.Status);
        (await SendAsync(client, HttpMethod.Delete, $"/operations/{Guid.NewGuid()}")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task NotifiesAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        var id = await CreateAsync(client, "remind me", Soon());
        var notification = await NotificationAsync(client);
        Assert.Equal(
            ["id", "task_id", "kind", "title", "deadline", "lead_seconds", "created_at", "read_at"], notification.EnumerateObject().Select(member => member.Name));
        Assert.Equal(id, notification.GetProperty("task_id").GetInt64());
        Assert.Equal("reminder", notification.GetProperty("kind").GetString());
        (await SendAsync(client, HttpMethod.Get, "/notifications?unread=maybe")).IsProblem(HttpStatusCode.BadRequest, "unread");
    }

    private async Task CountsUnreadAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        Assert.Equal("""{"unread":0}""", (await SendAsync(client, HttpMethod.Get, "/notifications/unread")).Text);
    }

    private async Task TellsChannelsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        Assert.Equal(
            """{"email_enabled":false,"webhook_url":null,"webhook_secret_set":false,"webhook_secret":null}""",
            (await SendAsync(client, HttpMethod.Get, "/notifications/settings")).Text);
    }

    private async Task ChangesChannelsAsync()
    {
        var (client, _) = await LogInNewUserAsync();

        var changed = await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { webhook_url = Webhook });
        var kept = await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { email_enabled = true });

        Assert.Equal((HttpStatusCode.OK, Webhook), (changed.Status, changed.Json.GetProperty("webhook_url").GetString()));
        Assert.NotEmpty(changed.Json.GetProperty("webhook_secret").GetString()!);
        Assert.Equal((Webhook, JsonValueKind.Null), (kept.Json.GetProperty("webhook_url").GetString(), kept.Json.GetProperty("webhook_secret").ValueKind));
        (await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { webhook_url = "https://127.0.0.1/" })).IsProblem(HttpStatusCode.BadRequest, "webhook_url");
    }

    private async Task TurnsChannelsOffAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { email_enabled = true });

        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(client, HttpMethod.Delete, "/notifications/settings")).Status);
        Assert.False((await SendAsync(client, HttpMethod.Get, "/notifications/settings")).Json.GetProperty("email_enabled").GetBoolean());
    }

    private async Task TestsChannelsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        (await SendAsync(client, HttpMethod.Post, "/notifications/settings/test")).IsProblem(HttpStatusCode.Conflict);

        await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { email_enabled = true });
        Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(client, HttpMethod.Post, "/notifications/settings/test")).Status);
    }

    private async Task ListsDeliveriesAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        Assert.Equal("""{"items":[],"next_cursor":null}""", (await SendAsync(client, HttpMethod.Get, "/notifications/deliveries")).Text);

        await SendAsync(client, HttpMethod.Put, "/notifications/settings", new { email_enabled = true });
        await SendAsync(client, HttpMethod.Post, "/notifications/settings/test");
        var delivery = Assert.Single((await SendAsync(client, HttpMethod.Get, "/notifications/deliveries")).Json.GetProperty("items").EnumerateArray());
        Assert.Equal("email", delivery.GetProperty("channel").GetString());
    }

    private async Task CountsByDayAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await CreateAsync(client, "count me");

        var history = (await SendAsync(client, HttpMethod.Get, "/tasks/statistics/history?days=7&time_zone=Europe/Berlin")).Json;

        Assert.Equal("Europe/Berlin", history.GetProperty("time_zone").GetString());
        Assert.Equal(7, history.GetProperty("days").GetArrayLength());
        Assert.Equal(1, history.GetProperty("days").EnumerateArray().Sum(day => day.GetProperty("created").GetInt32()));
        (await SendAsync(client, HttpMethod.Get, "/tasks/statistics/history?time_zone=Nowhere")).IsProblem(HttpStatusCode.BadRequest, "time_zone");
    }

    private async Task MarksAsReadAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        await CreateAsync(client, "remind me", Soon());
        var id = (await NotificationAsync(client)).GetProperty("id").GetInt64();
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(client, HttpMethod.Post, $"/notifications/{id}/read")).Status);
        Assert.Empty((await SendAsync(client, HttpMethod.Get, "/notifications?unread=true")).Json.GetProperty("items").EnumerateArray());
        (await SendAsync(client, HttpMethod.Post, "/notifications/0/read")).IsProblem(HttpStatusCode.NotFound);
    }

    private async Task StreamsAsync()
    {
        var (client, _) = await LogInNewUserAsync();
        using var limit = new CancellationTokenSource(s_limit);
        (await SendAsync(client, HttpMethod.Get, "/notifications/stream", null, ("Last-Event-ID", "none"))).IsProblem(HttpStatusCode.BadRequest, "Last-Event-ID");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/notifications/stream");
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        (await _document.Value).AssertDeclares(response);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
        await CreateAsync(client, "remind me", Soon());

        string? line;
        do
        {
            line = await reader.ReadLineAsync(limit.Token);
        }
        while (line?.StartsWith("data:", StringComparison.Ordinal) == false);

        Assert.Contains("remind me", line, StringComparison.Ordinal);
    }

    private string Soon() => (DateTimeOffset.UtcNow + leadTime).AddSeconds(1.5).UtcDateTime.ToString("O");

    private static string NewName() => $"user-{Guid.NewGuid():N}";

    private static IEnumerable<string?> Titles(JsonElement tasks) => tasks.EnumerateArray().Select(task => task.GetProperty("title").GetString());

    private async Task<string> RegisterAsync(HttpClient client)
    {
        var name = NewName();
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, HttpMethod.Post, "/auth/register", new { username = name, email = $"{name}@example.com", password = Password })).Status);
        return name;
    }

    private async Task<Answer> LogInAsync(HttpClient client, string name, string password) => await SendAsync(
        client, HttpMethod.Post, "/auth/login", new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = name, ["password"] = password }));

    private async Task<(HttpClient Client, JsonElement Tokens)> LogInNewUserAsync()
    {
        var client = connect();
        var tokens = (await LogInAsync(client, await RegisterAsync(client), Password)).Json;
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokens.GetProperty("access_token").GetString());
        return (client, tokens);
    }

    private async Task<long> CreateAsync(HttpClient client, string title, string? deadline = null) =>
        (await SendAsync(client, HttpMethod.Post, "/tasks", new { title, deadline })).Json.GetProperty("id").GetInt64();

    private Task<Answer> EndOfAsync(HttpClient client, string url) => EventuallyAsync(
        $"end of {url}", () => SendAsync(client, HttpMethod.Get, url), answer => answer.Json.GetProperty("status").GetString() != "pending");

    private async Task<JsonElement> NotificationAsync(HttpClient client) => (await EventuallyAsync(
        "notification", () => SendAsync(client, HttpMethod.Get, "/notifications"), answer => answer.Json.GetProperty("items").GetArrayLength() > 0)).Json.GetProperty("items")[0];

    private static async Task<Answer> EventuallyAsync(string what, Func<Task<Answer>> ask, Func<Answer, bool> isIt)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (true)
        {
            var answer = await ask();
            if (isIt(answer))
            {
                return answer;
            }

            Assert.False(limit.IsCancellationRequested, $"Within {s_limit.TotalSeconds} s there was no {what}: {answer.Text}");
            await Task.Delay(50);
        }
    }

    private async Task<Answer> SendAsync(HttpClient client, HttpMethod method, string url, object? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url);
        request.Content = body switch { null => null, HttpContent content => content, _ => JsonContent.Create(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await client.SendAsync(request);
        (await _document.Value).AssertDeclares(response);

        return new Answer(
            response.StatusCode,
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase),
            Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync()));
    }

    private sealed record Answer(HttpStatusCode Status, IReadOnlyDictionary<string, string> Headers, string Text)
    {
        public JsonElement Json => JsonDocument.Parse(Text).RootElement;

        public IEnumerable<string> Fields => Json.EnumerateObject().Select(member => member.Name);

        public string? ContentType => Header("Content-Type")?.Split(';')[0];

        public string? Header(string name) => Headers.GetValueOrDefault(name);

        public void IsProblem(HttpStatusCode status, string? field = null)
        {
            Assert.True(Status == status, $"{(int)Status}: {Text}");
            Assert.Equal("application/problem+json", ContentType);
            Assert.NotEmpty(Json.GetProperty("detail").GetString()!);
            Assert.True(field is null || (Json.TryGetProperty("errors", out var errors) && errors.TryGetProperty(field, out _)), Text);
        }
    }
}
