using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public sealed class DrainTests
{
    [Fact]
    public async Task A_service_that_is_told_to_end_turns_red_and_answers_on_until_its_delay_is_over()
    {
        var builder = CreateBuilder(("Shutdown:Delay", "00:05:00"));
        await using var app = builder.Build();
        app.MapDefaultEndpoints();
        app.MapGet("/", () => "answer").AllowAnonymous();
        await app.StartAsync();
        using var client = app.GetTestClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri("/health", UriKind.Relative))).StatusCode);

        using var enough = new CancellationTokenSource();
        var stop = app.StopAsync(enough.Token);
        using var health = await client.GetAsync(new Uri("/health", UriKind.Relative));
        using var alive = await client.GetAsync(new Uri("/alive", UriKind.Relative));
        var answer = await client.GetStringAsync(new Uri("/", UriKind.Relative));
        var wasStopping = !stop.IsCompleted;
        await enough.CancelAsync();
        await stop;

        Assert.True(wasStopping);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Equal("unhealthy", JsonNode.Parse(await health.Content.ReadAsStringAsync())!["checks"]!["shutdown"]!.GetValue<string>());
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        Assert.Equal("answer", answer);
    }

    [Theory]
    [InlineData("Production", "00:00:05")]
    [InlineData("Development", "00:00:00")]
    public async Task It_waits_only_where_requests_are_spread_over_replicas(string environment, string delay)
    {
        await using var app = CreateBuilder([("environment", environment)]).Build();

        Assert.Equal(TimeSpan.Parse(delay, System.Globalization.CultureInfo.InvariantCulture), app.Services.GetRequiredService<IOptions<ShutdownOptions>>().Value.Delay);
    }

    [Fact]
    public void A_delay_that_cannot_be_stops_the_start_with_its_name()
    {
        var refusal = Assert.Throws<OptionsValidationException>(() => CreateBuilder(("Shutdown:Delay", "1.00:00:00")).Build());

        Assert.Contains("Shutdown:Delay is '1.00:00:00'", refusal.Message, StringComparison.Ordinal);
    }

    private static WebApplicationBuilder CreateBuilder(params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder([.. settings.Select(setting => $"--{setting.Key}={setting.Value}")]);
        builder.WebHost.UseTestServer();
        builder.AddServiceDefaults();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddDrain();
        return builder;
    }
}
