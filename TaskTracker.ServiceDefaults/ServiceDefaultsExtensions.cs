using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace TaskTracker.ServiceDefaults;

/// <summary>What every service of TaskTracker shares: call the one first and the other last in a <c>Program.cs</c>.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Adds servers named by URL, telemetry, health checks and resilient outgoing HTTP.</summary>
    /// <exception cref="InvalidOperationException">
    /// A server's URL cannot be used, or its connection string is not fit for Production; the message names it.
    /// </exception>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        builder.Configuration.AddServerUrls();
        builder.RequireSafeServers();
        builder.AddTelemetry();
        builder.Services.AddHealth();
        builder.Services.ConfigureHttpClientDefaults(http => http.AddResilience());
        return builder;
    }

    /// <summary>
    /// Maps <c>/alive</c> (the process answers) and <c>/health</c> (it can do its work; 503 if not). Both are open to
    /// everybody, so neither tells addresses, errors or secrets.
    /// </summary>
    /// <param name="app">The service.</param>
    /// <param name="describeHealth">The body of <c>/health</c>.</param>
    /// <typeparam name="TReport">Its type.</typeparam>
    public static WebApplication MapDefaultEndpoints<TReport>(this WebApplication app, Func<HealthReport, TReport> describeHealth)
    {
        app.MapHealth(describeHealth);
        return app;
    }

    /// <summary>Maps <c>/alive</c> and <c>/health</c>, where the latter tells each check's status: <c>{status, checks: {name: status}}</c>.</summary>
    /// <param name="app">The service.</param>
    public static WebApplication MapDefaultEndpoints(this WebApplication app) => app.MapDefaultEndpoints(Health.Describe);
}
