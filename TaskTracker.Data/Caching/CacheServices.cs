using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using StackExchange.Redis;

namespace TaskTracker.Data.Caching;

/// <summary>Registers what every service needs to use the cache, or to tell it of changes.</summary>
public static class CacheServices
{
    /// <summary>The name of the cache's connection string, and of the resource in the AppHost.</summary>
    public const string ConnectionName = "cache";

    /// <summary>Adds the output cache's store in Redis, <see cref="OwnerVersions"/>, <see cref="TypedCache"/> and <see cref="OwnerTransaction"/>.</summary>
    /// <param name="builder">The service that is being built.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static IHostApplicationBuilder AddTaskTrackerCache(this IHostApplicationBuilder builder)
    {
        // Its health check would call a service ill that only lost its cache.
        builder.AddRedisOutputCache(ConnectionName, settings => settings.DisableHealthChecks = true, options =>
        {
            var limit = (int)CacheCircuit.Limit.TotalMilliseconds;
            options.AbortOnConnectFail = false;
            options.ConnectTimeout = limit;
            // The client's own limit of every call; what reads wait is shorter, and theirs.
            options.SyncTimeout = (int)CacheCircuit.AnnounceLimit.TotalMilliseconds;
            options.ReconnectRetryPolicy = new LinearRetry(limit);
        });

        builder.Services.AddSingleton<CacheCircuit>();
        builder.Services.AddHostedService(services => services.GetRequiredService<CacheCircuit>());
        builder.Services.AddSingleton<CacheMetrics>();
        builder.Services.AddSingleton<NearCache>();
        builder.Services.AddSingleton<OwnerVersions>();
        builder.Services.AddSingleton<TypedCache>();
        builder.Services.AddScoped<OwnerTransaction>();

        return builder;
    }
}
