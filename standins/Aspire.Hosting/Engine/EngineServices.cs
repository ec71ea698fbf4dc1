using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting.Engine;

internal static class EngineServices
{
    internal static IServiceCollection AddEngine(this IServiceCollection services) => services;
}
