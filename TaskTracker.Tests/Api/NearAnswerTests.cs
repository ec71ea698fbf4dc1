using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Api.Accounts;
using TaskTracker.Tests.Telemetry;

namespace TaskTracker.Tests.Api;

/// <summary>What was answered from the cache is answered once more without the rest of the way, and nobody can tell.</summary>
[Collection(ApiTests.Name)]
public sealed class NearAnswerTests(ApiFixture api)
{
    [Theory]
    [InlineData("/tasks")]
    [InlineData("/tasks?limit=1")]
    [InlineData("/tasks/get_tasks")]
    [InlineData("/tasks/{id}")]
    [InlineData("/tasks/statistics")]
    public async Task An_answer_given_once_more_is_that_of_the_whole_way(string target)
    {
        using var ways = new WholeWays(api.First);
        var (user, url) = await UserWithTasksAsync(target);
        using var made = await user.Client.GetAsync(url);
        using var cached = await user.Client.GetAsync(url);

        var before = ways.Count;
        using var near = await user.Client.GetAsync(url);
        using var known = await AskAsync(user, url, ("If-None-Match", cached.Headers.ETag!.ToString()));
        using var anyKnown = await AskAsync(user, url, ("If-None-Match", "\"other\", *"));
        using var other = await AskAsync(user, url, ("If-None-Match", "\"other\""));
        Assert.Equal(before, ways.Count);

        Assert.Equal(await made.Content.ReadAsStringAsync(), await near.Content.ReadAsStringAsync());
        Assert.Equal(await made.Content.ReadAsStringAsync(), await other.Content.ReadAsStringAsync());
        Assert.Equal(Headers(cached), Headers(near));
        Assert.Equal(Headers(cached), Headers(other));
        Assert.Equal(cached.Headers.Age is null, near.Headers.Age is null);
        Assert.Equal("nosniff", near.Headers.GetValues("X-Content-Type-Options").Single());

        // The same from a replica that has none near.
        using var far = api.Second.CreateClient(user);
        using var farKnown = await AskAsync(user with { Client = far }, url, ("If-None-Match", cached.Headers.ETag.ToString()));
        Assert.Equal(HttpStatusCode.NotModified, farKnown.StatusCode);
        foreach (var notModified in (HttpResponseMessage[])[known, anyKnown])
        {
            Assert.Equal(HttpStatusCode.NotModified, notModified.StatusCode);
            Assert.Equal(Headers(farKnown).Where(header => !header.StartsWith("Date", StringComparison.Ordinal)), Headers(notModified).Where(header => !header.StartsWith("Date", StringComparison.Ordinal)));
            Assert.Empty(await notModified.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task Who_only_asks_whether_an_answer_has_changed_is_told_so_and_gets_the_new_one()
    {
        using var ways = new WholeWays(api.First);
        var (user, url) = await UserWithTasksAsync("/tasks");
        using var first = await user.Client.GetAsync(url);
        using var again = await AskAsync(user, url, ("If-None-Match", first.Headers.ETag!.ToString()));

        var before = ways.Count;
        using var near = await AskAsync(user, url, ("If-None-Match", first.Headers.ETag.ToString()));
        Assert.Equal(before, ways.Count);
        Assert.Equal(HttpStatusCode.NotModified, near.StatusCode);

        // It was kept without its body.
        using var whole = await user.Client.GetAsync(url);
        Assert.Equal(2, (await whole.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetArrayLength());
        Assert.True(ways.Count > before);

        using var elsewhere = api.Second.CreateClient(user);
        await elsewhere.CreateTaskAsync("written at the other replica");
        using var changed = await AskAsync(user, url, ("If-None-Match", first.Headers.ETag.ToString()));
        Assert.Equal(3, (await changed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_write_at_another_replica_is_seen_at_once()
    {
        using var ways = new WholeWays(api.First);
        var (user, task) = await UserWithTasksAsync("/tasks/{id}");
        using var elsewhere = api.Second.CreateClient(user);
        string[] urls = [task, "/tasks", "/tasks/get_tasks", "/tasks/statistics"];

        for (var i = 0; i < 5; i++)
        {
            foreach (var url in (string[])[.. urls, .. urls])
            {
                using var warm = await user.Client.GetAsync(url);
            }

            var before = ways.Count;
            foreach (var url in urls)
            {
                using var near = await user.Client.GetAsync(url);
            }

            Assert.Equal(before, ways.Count);
            using var written = await elsewhere.PutAsJsonAsync(task, new { title = $"title {i}", completed = i % 2 == 0 });
            var one = await user.Client.GetFromJsonAsync<JsonElement>(task);
            var statistics = await user.Client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
            Assert.Equal($"title {i}", one.GetProperty("title").GetString());
            Assert.Contains($"title {i}", await user.Client.GetTitlesAsync());
            Assert.Equal((i + 1) % 2, statistics.GetProperty("completed_tasks").GetInt32());
        }
    }

    [Fact]
    public async Task An_answer_is_its_owners_alone_and_asks_for_a_token_that_is_good_now()
    {
        var clock = new ShiftedClock();
        await using var factory = new ApiFactory(api.Database, api.Redis, services: services => services.AddSingleton<TimeProvider>(clock));
        await factory.WaitForCacheAsync();
        var (user, task) = await UserWithTasksAsync("/tasks/{id}", factory);
        var other = await factory.CreateUserAsync();
        using var ways = new WholeWays(factory);
        string[] urls = [task, "/tasks", "/tasks/statistics"];
        foreach (var url in (string[])[.. urls, .. urls])
        {
            using var warm = await user.Client.GetAsync(url);
            using var others = await other.Client.GetAsync(url);
        }

        using var anonymous = factory.CreateClient();
        var before = ways.Count;
        foreach (var url in urls)
        {
            using var near = await user.Client.GetAsync(url);
            Assert.Equal(before, ways.Count);

            using var without = await anonymous.GetAsync(url);
            using var wrong = await AskAsync(anonymous, url, ("Authorization", $"Bearer {user.AccessToken}x"));
            using var ofAnotherKind = await AskAsync(anonymous, url, ("Authorization", $"Bearer {user.RefreshToken}"));
            using var twice = await AskAsync(anonymous, url, ("Authorization", $"Basic {user.AccessToken}"));
            Assert.All((HttpResponseMessage[])[without, wrong, ofAnotherKind, twice], refused => Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode));
            before = ways.Count;
        }

        using var foreign = await other.Client.GetAsync(task);
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        Assert.Empty(await other.Client.GetTitlesAsync());
        Assert.Equal(2, (await user.Client.GetTitlesAsync()).Length);

        clock.By = AccessTokens.Life;
        foreach (var url in urls)
        {
            using var ended = await user.Client.GetAsync(url);
            Assert.Equal(HttpStatusCode.Unauthorized, ended.StatusCode);
        }
    }

    [Fact]
    public async Task It_counts_against_the_limit_of_its_user()
    {
        await using var factory = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string> { ["RateLimits:PerUser"] = "10" });
        var user = await factory.CreateUserAsync();

        List<HttpStatusCode> statuses = [];
        for (var i = 0; i < 15; i++)
        {
            using var answer = await user.Client.GetAsync("/tasks");
            statuses.Add(answer.StatusCode);
            Assert.Equal(answer.StatusCode == HttpStatusCode.TooManyRequests, answer.Headers.RetryAfter is not null);
        }

        Assert.Equal(Enumerable.Repeat(HttpStatusCode.OK, 10).Concat(Enumerable.Repeat(HttpStatusCode.TooManyRequests, 5)), statuses);
    }

    [Fact]
    public async Task A_request_with_more_to_it_goes_the_whole_way()
    {
        await using var factory = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string> { ["Http:Origins"] = "https://app.example.com" });
        await factory.WaitForCacheAsync();
        var (user, url) = await UserWithTasksAsync("/tasks", factory);
        for (var i = 0; i < 3; i++)
        {
            using var warm = await user.Client.GetAsync(url);
        }

        using var ofPage = await AskAsync(user, url, ("Origin", "https://app.example.com"));
        using var coded = await AskAsync(user, url, ("Content-Encoding", "gzip"));
        using var head = await user.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, url));
        using var encoded = await user.Client.GetAsync("/tasks%3Flimit=1");

        Assert.Equal("https://app.example.com", ofPage.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, coded.StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, head.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, encoded.StatusCode);
    }

    [Fact]
    public async Task Its_span_has_its_route_and_says_whose_it_is()
    {
        using var spans = new KeptSpans();
        using var ways = new WholeWays(api.First);
        var (user, url) = await UserWithTasksAsync("/tasks/{id}");
        for (var i = 0; i < 2; i++)
        {
            using var warm = await user.Client.GetAsync(url);
        }

        var before = ways.Count;
        using var near = await AskAsync(user, url, ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        Assert.Equal(before, ways.Count);

        var span = await spans.FindAsync("the request's span", span => span.TraceId.ToString() == "0af7651916cd43dd8448eb211c80319c");
        Assert.Equal("GET /tasks/{id:long}", span.DisplayName);
        Assert.Equal(api.First.Services.GetRequiredService<UserSpans>().PseudonymOf(user.Id), span.GetTagItem("enduser.id"));
        Assert.Equal(200, span.GetTagItem("http.response.status_code"));
    }

    private Task<(ApiUser User, string Url)> UserWithTasksAsync(string target) => UserWithTasksAsync(target, api.First);

    private static async Task<(ApiUser User, string Url)> UserWithTasksAsync(string target, ApiFactory factory)
    {
        var user = await factory.CreateUserAsync();
        await user.Client.CreateTaskAsync("first");
        var task = await user.Client.CreateTaskAsync("second", "2090-01-01T00:00:00Z");
        return (user, target.Replace("{id}", task.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
    }

    private static Task<HttpResponseMessage> AskAsync(ApiUser user, string url, (string Name, string Value) header) => AskAsync(user.Client, url, header);

    private static async Task<HttpResponseMessage> AskAsync(HttpClient client, string url, (string Name, string Value) header)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (header.Name == "Content-Encoding")
        {
            request.Content = new ByteArrayContent([]);
            request.Content.Headers.ContentEncoding.Add(header.Value);
        }
        else
        {
            Assert.True(request.Headers.TryAddWithoutValidation(header.Name, header.Value));
        }

        return await client.SendAsync(request);
    }

    // Its age counts on, and how the body is framed depends on who wrote it.
    private static IEnumerable<string> Headers(HttpResponseMessage answer) => answer.Headers.Concat(answer.Content.Headers)
        .Where(header => header.Key is not ("Age" or "Content-Length" or "Transfer-Encoding"))
        .Select(header => $"{header.Key}: {string.Join(", ", header.Value)}")
        .Order(StringComparer.Ordinal);

    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + By;
    }

    /// <summary>Counts the requests of one replica that got as far as a route.</summary>
    private sealed class WholeWays : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public WholeWays(ApiFactory replica)
        {
            var factory = replica.Services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, it) =>
            {
                if (instrument.Meter.Scope == factory && instrument.Name == "aspnetcore.routing.match_attempts")
                {
                    it.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref _count, count));
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
