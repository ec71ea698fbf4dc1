using Microsoft.AspNetCore.OutputCaching;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>Registers output caching of owners' answers in Redis.</summary>
internal static class CachingServices
{
    public static void AddCaching(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<CacheOptions>()
            .Configure<IConfiguration>((options, configuration) => options.UseDefaultLifetime(configuration[CacheOptions.DefaultLifetimeVariable]))
            .BindConfiguration(CacheOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddOutputCache(options =>
        {
            // Above it an answer costs Redis, and everybody who waits for it, more than the database.
            options.MaximumBodySize = 1024 * 1024;
            options.AddPolicy(CachePolicies.Lists, new OwnerCachePolicy(CachePolicies.Lists, cache => cache.Lists));
            options.AddPolicy(CachePolicies.Items, new OwnerCachePolicy(CachePolicies.Items, cache => cache.Items));
        });
        builder.AddTaskTrackerCache();
        builder.Services.GuardOutputCacheStore();
    }

    // Around whatever store is registered by now.
    private static void GuardOutputCacheStore(this IServiceCollection services)
    {
        var inner = services.Last(service => service.ServiceType == typeof(IOutputCacheStore));
        services.AddSingleton<IOutputCacheStore>(provider => new GuardedOutputCacheStore(
            (IOutputCacheStore)(inner.ImplementationInstance
                ?? inner.ImplementationFactory?.Invoke(provider)
                ?? ActivatorUtilities.CreateInstance(provider, inner.ImplementationType!)),
            provider.GetRequiredService<CacheCircuit>()));
    }
}
