using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public class HealthTests
{
    [Theory]
    [InlineData(HealthStatus.Healthy, "healthy", HttpStatusCode.OK)]
    [InlineData(HealthStatus.Degraded, "degraded", HttpStatusCode.OK)]
    [InlineData(HealthStatus.Unhealthy, "unhealthy", HttpStatusCode.ServiceUnavailable)]
    public async Task Health_names_each_check_and_its_status_and_nothing_else(
        HealthStatus status, string name, HttpStatusCode code)
    {
        await using var app = await StartAsync(checks => checks.AddCheck("database", () =>
            new HealthCheckResult(status, "at db.internal", new InvalidOperationException("password=topsecret"))));
        using var client = app.GetTestClient();

        using var answer = await client.GetAsync(new Uri("/health", UriKind.Relative));

        Assert.Equal(code, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal($$$"""{"status":"{{{name}}}","checks":{"database":"{{{name}}}"}}""", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_failing_dependency_is_no_reason_to_restart_the_process()
    {
        await using var app = await StartAsync(checks => checks.AddCheck("database", () => HealthCheckResult.Unhealthy()));
        using var client = app.GetTestClient();

        using var answer = await client.GetAsync(new Uri("/alive", UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_check_tagged_live_is()
    {
        await using var app = await StartAsync(checks => checks.AddCheck("loop", () => HealthCheckResult.Unhealthy(), ["live"]));
        using var client = app.GetTestClient();

        using var answer = await client.GetAsync(new Uri("/alive", UriKind.Relative));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task A_check_that_hangs_is_unhealthy_after_its_limit()
    {
        await using var app = await StartAsync(checks => checks.AddAsyncCheck("database", async cancellationToken =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return HealthCheckResult.Healthy();
        }));
        using var client = app.GetTestClient();

        using var answer = await client.GetAsync(new Uri("/health", UriKind.Relative)).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task A_service_may_describe_its_health_in_its_own_words()
    {
        await using var app = await StartAsync(_ => { }, report => new { database = report.Entries.Count });
        using var client = app.GetTestClient();

        var body = JsonNode.Parse(await client.GetStringAsync(new Uri("/health", UriKind.Relative)));

        Assert.Equal(0, (int?)body?["database"]);
    }

    private static async Task<WebApplication> StartAsync(
        Action<IHealthChecksBuilder> add, Func<HealthReport, object>? describe = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddRouting();
        builder.AddServiceDefaults();
        add(builder.Services.AddHealthChecks());
        var app = builder.Build();
        _ = describe is null ? app.MapDefaultEndpoints() : app.MapDefaultEndpoints(describe);
        await app.StartAsync();
        return app;
    }
}
