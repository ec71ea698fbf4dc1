using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;

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
    [InlineData("", "203.0.113.9", "198.51.100.{0}", false)]
    [InlineData("10.0.0.0/8", "203.0.113.9", "198.51.100.{0}", false)]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.{0}", true)]
    [InlineData("10.0.0.0/8,192.0.2.1", "10.1.2.3", "198.51.100.{0}, 192.0.2.1", true)]
    [InlineData("10.0.0.0/8", "10.1.2.3", "198.51.100.{0}, 203.0.113.7", false)]
    [InlineData("fd00::/8", "fd00::1", "2001:db8:0:{0}::1", true)]
    public async Task Who_calls_is_believed_of_trusted_proxies_alone(string trusted, string caller, string forwardedFor, bool isBelieved)
    {
        await using var factory = new ApiFactory(
            api.Database,
            api.Redis,
            settings: new Dictionary<string, string> { ["Http:TrustedProxies"] = trusted, ["RateLimits:PerAddress"] = "2" },
            services: services => services.AddSingleton<IStartupFilter>(new CalledFrom(IPAddress.Parse(caller))));
        using var client = factory.CreateClient();

        var statuses = new List<HttpStatusCode>();
        for (var i = 1; i <= 4; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/auth/refresh") { Content = JsonContent.Create(new { refresh_token = "nonsense" }) };
            request.Headers.Add("X-Forwarded-For", forwardedFor.Replace("{0}", $"{i}", StringComparison.Ordinal));
            using var response = await client.SendAsync(request);
            statuses.Add(response.StatusCode);
        }

        // Where each request seems to come from another address, none is limited.
        Assert.Equal(isBelieved ? HttpStatusCode.Unauthorized : HttpStatusCode.TooManyRequests, statuses[^1]);
    }

    [Fact]
    public async Task In_Production_plain_HTTP_is_sent_to_HTTPS_and_HTTPS_says_to_stay()
    {
        var settings = new Dictionary<string, string>
        {
            ["DataProtection:Key"] = Convert.ToBase64String(new byte[32]),
            ["Http:TrustedProxies"] = "10.0.0.0/8",
            ["HTTPS_PORT"] = "443",
        };
        await using var factory = new ApiFactory(
            api.Database, api.Redis, "Production", settings, services => services.AddSingleton<IStartupFilter>(new CalledFrom(IPAddress.Parse("10.1.2.3"))));
        using var client = factory.CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false, BaseAddress = new Uri("http://tasks.example.com") });

        using var plain = await client.GetAsync("/tasks?limit=5");
        using var probe = await client.GetAsync("/alive");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("X-Forwarded-Proto", "https");
        using var secure = await client.SendAsync(request);
        using var development = await api.First.CreateClient().GetAsync("/");

        Assert.Equal(HttpStatusCode.TemporaryRedirect, plain.StatusCode);
        Assert.Equal("https://tasks.example.com/tasks?limit=5", plain.Headers.Location?.ToString());
        Assert.Equal("nosniff", plain.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(HttpStatusCode.OK, probe.StatusCode);
        Assert.Equal(HttpStatusCode.OK, secure.StatusCode);
        Assert.StartsWith("max-age=", secure.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, development.StatusCode);
        Assert.False(development.Headers.Contains("Strict-Transport-Security"));
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
            logins.Add(await user.Client.LogInAsync(user.Name, "not the password"));
        }

        // Each load of the page comes with one of these, from however many people behind one address.
        using var anonymous = factory.CreateClient();
        for (var i = 0; i < 30; i++)
        {
            using var refreshed = await anonymous.RefreshAsync("nonsense");
            Assert.Equal(HttpStatusCode.Unauthorized, refreshed.StatusCode);
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

    /// <summary>As if every request came from this address: the test server has none.</summary>
    private sealed class CalledFrom(IPAddress address) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, following) =>
            {
                context.Connection.RemoteIpAddress = address;
                return following(context);
            });
            next(app);
        };
    }
}
