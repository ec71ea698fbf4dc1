using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Testing;

namespace TaskTracker.Tests.Api;

/// <summary>Whom the API believes about where a request came from.</summary>
[Collection(ApiTests.Name)]
public sealed class ProxyTests(ApiFixture api)
{
    private const string Proxy = "10.1.2.3";

    [Theory]
    // Nobody is trusted unless configured.
    [InlineData("", false, "203.0.113.7", Proxy, "http")]
    // A platform's proxy adds the last hop; what a client wrote before it is the client's word.
    [InlineData("", true, "198.51.100.1, 203.0.113.7", "203.0.113.7", "https")]
    // Known proxies are followed through, and no further.
    [InlineData("10.0.0.0/8", false, "198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7", "https")]
    [InlineData("192.0.2.0/24", true, "203.0.113.7", Proxy, "http")]
    public async Task A_forwarded_address_counts_only_from_whom_it_can_be_believed(string trusted, bool isBehindProxy, string forwarded, string address, string scheme)
    {
        await using var factory = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string>
        {
            ["Http:TrustedProxies"] = trusted,
            ["FORWARDEDHEADERS_ENABLED"] = isBehindProxy ? "true" : "false",
        });

        var context = await SendAsync(factory, forwarded);

        Assert.Equal(address, context.Connection.RemoteIpAddress!.ToString());
        Assert.Equal(scheme, context.Request.Scheme);
    }

    [Fact]
    public async Task Plain_http_is_sent_to_https_where_its_port_is_known_but_for_probes()
    {
        await using var factory = new ApiFactory(api.Database, api.Redis, settings: new Dictionary<string, string> { ["HTTPS_PORT"] = "443" });
        using var client = factory.CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false, BaseAddress = new Uri("http://tasks.example.com") });

        using var plain = await client.GetAsync("/tasks?limit=1");
        using var probe = await client.GetAsync("/alive");

        Assert.Equal(HttpStatusCode.TemporaryRedirect, plain.StatusCode);
        Assert.Equal(new Uri("https://tasks.example.com/tasks?limit=1"), plain.Headers.Location);
        Assert.Equal(HttpStatusCode.OK, probe.StatusCode);
    }

    private static Task<HttpContext> SendAsync(ApiFactory factory, string forwarded) => factory.Server.SendAsync(context =>
    {
        context.Connection.RemoteIpAddress = IPAddress.Parse(Proxy);
        context.Request.Method = HttpMethods.Get;
        context.Request.Path = "/alive";
        context.Request.Headers["X-Forwarded-For"] = forwarded;
        context.Request.Headers["X-Forwarded-Proto"] = string.Join(", ", forwarded.Split(',').Select(_ => "https"));
    });
}
