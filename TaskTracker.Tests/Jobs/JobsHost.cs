using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Jobs;

namespace TaskTracker.Tests.Jobs;

/// <summary>One replica of the jobs service in this process, over a test's own database.</summary>
internal sealed class JobsHost(string connectionString, params Type[] without) : WebApplicationFactory<JobsMarker>
{
    /// <summary>The cache it invalidates; without one it has none.</summary>
    public string? Redis { get; init; }

    /// <summary>Its configuration beside the servers.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>What it consists of beside its own services.</summary>
    public Action<IServiceCollection> Extend { get; init; } = _ => { };

    /// <summary>Starts replicas at the same time.</summary>
    public static async Task StartAsync(params JobsHost[] replicas) =>
        await Task.WhenAll(replicas.Select(replica => Task.Run(() => _ = replica.Server)));

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseSetting($"ConnectionStrings:{DataServices.ConnectionName}", connectionString);
        if (Redis is not null)
        {
            builder.UseSetting($"ConnectionStrings:{CacheServices.ConnectionName}", Redis);
        }

        builder.UseSetting("Logging:LogLevel:Default", "Warning");
        foreach (var (name, value) in Settings)
        {
            builder.UseSetting(name, value);
        }

        builder.ConfigureTestServices(services =>
        {
            foreach (var service in services.Where(service => without.Contains(service.ImplementationType)).ToList())
            {
                services.Remove(service);
            }

            Extend(services);
        });
    }
}
