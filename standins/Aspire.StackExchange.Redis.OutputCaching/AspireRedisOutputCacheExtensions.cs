using Aspire.StackExchange.Redis;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.AspNetCore.OutputCaching.StackExchangeRedis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Microsoft.Extensions.Hosting;

/// <summary>Keeps the output cache of an application in Redis.</summary>
public static class AspireRedisOutputCacheExtensions
{
    private const string SectionName = "Aspire:StackExchange:Redis";
    private const string HealthCheckName = "StackExchange.Redis";

    /// <summary>
    /// Registers an <see cref="IConnectionMultiplexer"/>, which connects when first asked for and starts without its
    /// server, an output cache store on it, a health check and traces. Settings come from the section
    /// Aspire:StackExchange:Redis, then from its subsection named after the connection, then from
    /// <paramref name="configureSettings"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no connection string, when the connection is asked for.</exception>
    public static void AddRedisOutputCache(
        this IHostApplicationBuilder builder,
        string connectionName,
        Action<StackExchangeRedisSettings>? configureSettings = null,
        Action<ConfigurationOptions>? configureOptions = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(connectionName);

        var section = builder.Configuration.GetSection(SectionName);
        var settings = new StackExchangeRedisSettings();
        section.Bind(settings);
        section.GetSection(connectionName).Bind(settings);
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);

        builder.Services.AddSingleton<IConnectionMultiplexer>(services =>
        {
            var connection = RedisConnection.Open(settings.ConnectionString, connectionName, SectionName, configureOptions);
            return services.GetService<RedisCommandTracing>()?.Observe(connection) ?? connection;
        });
        builder.Services.AddSingleton<IOutputCacheStore, RedisOutputCacheStore>();

        if (!settings.DisableHealthChecks && builder.Properties.TryAdd($"Aspire.HealthChecks.{HealthCheckName}", true))
        {
            builder.Services.AddHealthChecks().AddCheck<RedisHealthCheck>(HealthCheckName);
        }

        if (!settings.DisableTracing)
        {
            builder.Services.AddSingleton<RedisCommandTracing>();
            builder.Services.AddOpenTelemetry().WithTracing(static tracing => tracing.AddSource(RedisCommandTracing.SourceName));
        }
    }
}
