using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class EdgeTests(ApiFixture api)
{
    [Fact]
    public async Task Other_origins_may_call_only_where_they_are_configured()
    {
        await using var open = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string> { ["Http:Origins"] = "https://app.example.com" });

        Assert.Null(await AllowedAsync(api.First, "https://app.example.com"));
        Assert.Null(await AllowedAsync(open, "https://evil.example.com"));
        Assert.Equal("https://app.example.com", await AllowedAsync(open, "https://app.example.com"));

        static async Task<string?> AllowedAsync(ApiFactory factory, string origin)
        {
            using var client = factory.CreateClient();
            using var request = new HttpRequestMessage(HttpMethod.Options, "/tasks");
            request.Headers.Add("Origin", origin);
            request.Headers.Add("Access-Control-Request-Method", "POST");
            using var response = await client.SendAsync(request);
            return response.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed) ? allowed.Single() : null;
        }
    }

    [Theory]
    [InlineData("Http:Origins", "app.example.com")]
    [InlineData("Http:Origins", "https://app.example.com/path")]
    [InlineData("Http:TrustedProxies", "10.0.0.0/99")]
    public void A_bad_setting_stops_the_start_with_its_name(string name, string value)
    {
        using var factory = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string> { [name] = value });

        var refusal = Assert.Throws<OptionsValidationException>(() => factory.CreateClient());

        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_are_limited_by_address_and_everything_by_user_in_Production()
    {
        var settings = new Dictionary<string, string>
        {
            ["DataProtection:Key"] = Convert.ToBase64String(new byte[32]),
            ["RateLimits:PerUser"] = "30",
        };
        await using var factory = new ApiFactory(await ApiFactory.CreateDatabaseAsync(), api.Redis, "Production", settings);
        var user = await factory.CreateUserAsync();
        var other = await factory.CreateUserAsync();

        var logins = new List<HttpResponseMessage>();
        for (var i = 0; i < 20; i++)
        {
            logins.Add(await user.Client.RefreshAsync("nonsense"));
        }

        var reads = new List<HttpStatusCode>();
        for (var i = 0; i < 40; i++)
        {
            using var response = await other.Client.GetAsync("/notifications/unread");
            reads.Add(response.StatusCode);
        }

        var refused = logins[^1];
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, reads[0]);
        Assert.Equal(HttpStatusCode.TooManyRequests, reads[^1]);
    }

    [Fact]
    public async Task Every_answer_has_the_headers_that_browsers_heed()
    {
        var user = await api.First.CreateUserAsync();
        foreach (var url in (string[])["/tasks", "/tasks/0", "/health", "/docs/index.html", "/nothing"])
        {
            for (var i = 0; i < 2; i++)
            {
                using var response = await user.Client.GetAsync(url);
                Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
                Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
                Assert.Contains("frame-ancestors 'none'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
                Assert.NotNull(response.Headers.CacheControl);
            }
        }
    }

    [Fact]
    public async Task The_cache_is_tried_for_everybody_and_counted_for_users()
    {
        var user = await api.First.CreateUserAsync();
        using var anybody = api.First.CreateClient();

        var open = await anybody.GetFromJsonAsync<JsonElement>("/cache/status");
        var known = await user.Client.GetFromJsonAsync<JsonElement>("/cache/status");

        Assert.True(open.GetProperty("cache_working").GetBoolean());
        Assert.Equal(300, open.GetProperty("cache_ttl").GetInt32());
        Assert.True(open.GetProperty("latency_ms").GetDouble() > 0);
        Assert.Equal(JsonValueKind.Null, open.GetProperty("counts").ValueKind);
        Assert.True(known.GetProperty("counts").GetProperty("keys").GetInt64() > 0);
        Assert.True(known.GetProperty("counts").GetProperty("memory_bytes").GetInt64() > 0);
    }

    [Fact]
    public async Task Without_Redis_the_cache_says_that_it_does_not_work()
    {
        await using var factory = new ApiFactory(api.Database, "127.0.0.1:1");
        using var client = factory.CreateClient();

        var status = await client.GetFromJsonAsync<JsonElement>("/cache/status");

        Assert.False(status.GetProperty("cache_working").GetBoolean());
    }
}
