using Aspire.Hosting.Lifecycle;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Engine;

internal static class EngineServices
{
    /// <summary>Lets the application run: registered last, so that it starts after the services that watch what it does.</summary>
    internal static IServiceCollection AddEngine(this IServiceCollection services)
    {
        services.AddSingleton<Dashboard>();
        services.AddSingleton<Orchestrator>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<Orchestrator>());
        services.AddSingleton<IDistributedApplicationEventingSubscriber>(provider => provider.GetRequiredService<Orchestrator>());
        return services;
    }
}
