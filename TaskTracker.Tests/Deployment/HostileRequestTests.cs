using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>What docs/security.md says was tried: each against the published API, as bytes where a client would not send it so.</summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class HostileRequestTests(PublishedSystem system, PublishedPair running) : IClassFixture<PublishedPair>
{
    // Kestrel gives headers 30 s, and a body 5 s before it asks for 240 bytes a second; the rest is for a busy machine.
    private static readonly TimeSpan s_slowLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Members_that_are_not_of_the_request_change_nothing()
    {
        var victim = await running.Api.Connect().SignUpAsync();
        var user = await running.Api.Connect().SignUpAsync();
        var other = await victim.Client.CreateTaskAsync("not yours");

        using var created = await user.Client.PostAsJsonAsync("/tasks", new { title = "mine", id = other, owner_id = victim.Id, completed = true, created_at = "2001-01-01T00:00:00Z", ownerId = victim.Id });
        var task = await created.Content.ReadFromJsonAsync<JsonElement>();
        using var changed = await user.Client.PutAsJsonAsync($"/tasks/{task.GetProperty("id")}", new { title = "still mine", owner_id = victim.Id, id = other });
        var name = $"user-{Guid.NewGuid():N}";
        using var registered = await user.Client.PostAsJsonAsync("/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password, role = "admin", id = victim.Id });

        Assert.NotEqual(other, task.GetProperty("id").GetInt64());
        Assert.Equal(user.Id, task.GetProperty("owner_id").GetInt32());
        Assert.False(task.GetProperty("completed").GetBoolean());
        Assert.True(task.GetProperty("created_at").GetDateTimeOffset().Year > 2001);
        Assert.Equal(user.Id, (await changed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("owner_id").GetInt32());
        Assert.Equal(["not yours"], await victim.Client.GetTitlesAsync());
        Assert.Equal(HttpStatusCode.OK, registered.StatusCode);
        Assert.Equal("user", await OperationClient.QueryAsync<string>(system.Servers.Superuser, $"select role from users where user_name = '{name}'"));
    }

    [Fact]
    public async Task Text_that_would_be_SQL_is_searched_for()
    {
        var user = await running.Api.Connect().SignUpAsync();
        await user.Client.CreateTaskAsync("plain");
        foreach (var text in (string[])["' or 1=1 --", "'; drop table tasks; --", "\\'; select pg_sleep(10) --", "$$", "%"])
        {
            await user.Client.CreateTaskAsync(text);
            Assert.DoesNotContain("plain", await user.Client.GetTitlesAsync($"/tasks?q={Uri.EscapeDataString(text)}"));
        }

        Assert.Equal(6, (await user.Client.GetTitlesAsync()).Length);
    }

    [Fact]
    public async Task A_token_is_good_as_it_was_issued_and_for_what_it_was_issued()
    {
        var user = await running.Api.Connect().SignUpAsync();
        var token = user.AccessToken;

        // The last letter may hold bits that stand for nothing.
        foreach (var at in (int[])[0, token.Length / 4, token.Length / 2, token.Length - 2])
        {
            var forged = $"{token[..at]}{(token[at] == 'A' ? 'B' : 'A')}{token[(at + 1)..]}";
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(forged));
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(user.RefreshToken));
        using var refreshed = await user.Client.RefreshAsync(token);
        Assert.Equal(HttpStatusCode.BadRequest, refreshed.StatusCode);

        using var first = await user.Client.RefreshAsync(user.RefreshToken);
        using var replayed = await user.Client.RefreshAsync(user.RefreshToken);
        var next = (await first.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("refresh_token").GetString()!;
        using var afterReplay = await user.Client.RefreshAsync(next);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (first.StatusCode, replayed.StatusCode, afterReplay.StatusCode));

        async Task<HttpStatusCode> StatusAsync(string bearer)
        {
            using var client = running.Api.Connect();
            client.DefaultRequestHeaders.Authorization = new("Bearer", bearer);
            using var answer = await client.GetAsync("/auth/me");
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\nX-Two: 2\r\n\r\n", 200)] // A bare line feed ends a line: nothing is kept of either.
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r X-Two: 2\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n folded\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX-One: \0\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("POST /auth/logout HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400)]
    [InlineData("POST /auth/logout HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData("POST /tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400)]
    [InlineData("POST /tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("GET /docs/..%2f..%2fappsettings.json HTTP/1.1\r\nHost: a\r\n\r\n", 401)] // As every path that is none.
    [InlineData("GET /assets/../../appsettings.json HTTP/1.1\r\nHost: a\r\n\r\n", 401)]
    public async Task What_two_servers_could_read_differently_gets_nowhere(string request, int status)
    {
        var (answer, _) = await SendAsync(request, s_limit);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_length_and_chunks_the_chunks_count_and_the_connection_ends()
    {
        // A server in front that went by the length would take what follows for a request of somebody else.
        var (answer, _) = await SendAsync(
            "POST /auth/logout HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n", s_limit, untilClosed: true);

        Assert.Equal(1, answer.Split("HTTP/1.1 ").Length - 1);
    }

    [Fact]
    public async Task No_line_of_the_log_and_no_header_of_an_answer_can_be_forged()
    {
        var mark = $"forged{Guid.NewGuid():N}";
        var user = await running.Api.Connect().SignUpAsync();
        var name = $"a\r\n{mark}";

        using var registered = await user.Client.PostAsJsonAsync("/auth/register", new { username = name, email = "a@example.com", password = ApiFactory.Password });
        using var loggedIn = await user.Client.LogInAsync(name);
        using var path = await user.Client.GetAsync($"/tasks/%0d%0a{mark}");
        using var query = await user.Client.GetAsync($"/tasks?sort=%0d%0aX-Forged:{mark}");
        using var created = await user.Client.PostAsJsonAsync("/tasks", new { title = $"b\r\n{mark}: 1\u001b[31m" });
        var export = await user.Client.ExportAsync("csv");
        using var file = await user.Client.GetAsync($"/exports/{export}");
        using var key = new HttpRequestMessage(HttpMethod.Post, "/tasks") { Content = JsonContent.Create(new { title = "c" }) };
        key.Headers.TryAddWithoutValidation("Idempotency-Key", mark);
        key.Headers.TryAddWithoutValidation("traceparent", mark);
        using var keyed = await user.Client.SendAsync(key);

        Assert.Equal(HttpStatusCode.BadRequest, registered.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, loggedIn.StatusCode);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        foreach (var answer in (HttpResponseMessage[])[registered, loggedIn, path, query, created, file, keyed])
        {
            Assert.DoesNotContain(mark, answer.Headers.Concat(answer.Content.Headers).SelectMany(header => header.Value.Prepend(header.Key)).Aggregate(string.Concat), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(
            (running.Api.Output + running.Jobs.Output).ReplaceLineEndings("\n").Split('\n'), line => line.StartsWith(mark, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Compressed_bodies_are_not_unpacked()
    {
        var user = await running.Api.Connect().SignUpAsync();
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            // A thousand times as much.
            for (var i = 0; i < 64; i++)
            {
                await gzip.WriteAsync(new byte[1 << 20]);
            }
        }

        foreach (var encoding in (string[])["gzip", "deflate", "br", "zstd"])
        {
            using var body = new ByteArrayContent(packed.ToArray());
            body.Headers.ContentType = new("application/json");
            body.Headers.ContentEncoding.Add(encoding);
            using var answer = await user.Client.PostAsync("/tasks", body);
            Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        }
    }

    [Fact]
    public async Task JSON_that_is_deep_or_wide_is_refused_or_read_at_once()
    {
        var user = await running.Api.Connect().SignUpAsync();
        const int Size = 1_000_000;
        (string Body, HttpStatusCode Status)[] bombs =
        [
            (new string('[', Size), HttpStatusCode.BadRequest),
            ($$"""{"title":"a","x":{{string.Concat(Enumerable.Repeat("{\"x\":", Size / 6))}}""", HttpStatusCode.BadRequest),
            ($$"""{"title":"a"{{string.Concat(Enumerable.Range(0, Size / 13).Select(i => $",\"{i:x8}\":0"))}} }""", HttpStatusCode.Created),
            ($$$"""{"task_ids":[{{{string.Join(',', Enumerable.Repeat("1", Size / 2))}}}],"update_data":{"completed":true}}""", HttpStatusCode.BadRequest),
            ($$$"""{"task_ids":[1e{{{new string('9', Size / 2)}}}],"update_data":{"completed":true}}""", HttpStatusCode.BadRequest),
        ];

        foreach (var (bomb, status) in bombs)
        {
            var began = Stopwatch.GetTimestamp();
            using var body = new StringContent(bomb, Encoding.UTF8, "application/json");
            using var answer = await user.Client.PostAsync(bomb.StartsWith("{\"task_ids", StringComparison.Ordinal) ? "/tasks/bulk-update" : "/tasks", body);
            Assert.True(answer.StatusCode == status, $"{bomb[..20]}… → {answer.StatusCode}");
            Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, s_limit);
        }
    }

    [Fact]
    public async Task Clients_that_are_slow_are_cut_off_and_hold_nobody_up()
    {
        var user = await running.Api.Connect().SignUpAsync();
        var slow = new List<Task<(string Answer, TimeSpan Took)>>();
        for (var i = 0; i < 100; i++)
        {
            slow.Add(SendAsync("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", s_slowLimit, "x"));
            slow.Add(SendAsync(
                $"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer {user.AccessToken}\r\nContent-Length: 1000\r\n\r\n{{", s_slowLimit, " "));
        }

        await user.Client.CreateTaskAsync("not held up");
        Assert.False(slow.TrueForAll(request => request.IsCompleted));

        foreach (var (answer, took) in await Task.WhenAll(slow))
        {
            Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
            Assert.InRange(took, TimeSpan.FromSeconds(1), s_slowLimit);
        }

        Assert.Equal(["not held up"], await user.Client.GetTitlesAsync());
    }

    /// <summary>Sends bytes as they are, then more of them a second apart, and returns what comes first, or until the other side closes.</summary>
    private async Task<(string Answer, TimeSpan Took)> SendAsync(
        string request, TimeSpan within, string? drip = null, bool untilClosed = false)
    {
        using var limit = new CancellationTokenSource(within);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, running.Api.Port, limit.Token);
        var began = Stopwatch.GetTimestamp();
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), limit.Token);
        using var answered = new CancellationTokenSource();
        var dripping = drip is null ? Task.CompletedTask : DripAsync();

        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while ((drip is not null || untilClosed || answer.Length == 0) && await stream.ReadAsync(buffer, limit.Token) is > 0 and var length)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, length));
            }
        }
        catch (IOException) when (drip is not null)
        {
            // Closed while more was on its way.
        }

        await answered.CancelAsync();
        await dripping;
        return (answer.ToString(), Stopwatch.GetElapsedTime(began));

        async Task DripAsync()
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
            try
            {
                while (await timer.WaitForNextTickAsync(answered.Token))
                {
                    await stream.WriteAsync(Encoding.Latin1.GetBytes(drip!), answered.Token);
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException)
            {
                // It was cut off, which is what is waited for.
            }
        }
    }
}
