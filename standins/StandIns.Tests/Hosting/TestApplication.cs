using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Health;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace StandIns.Tests.Hosting;

/// <summary>An application whose orchestrator is the test: what runs and how it does is published by hand.</summary>
internal sealed class TestApplication : IAsyncDisposable
{
    // Longer than anything here takes on a busy machine; only a test that fails waits for it.
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private readonly List<IHostedService> _started = [];
    private DistributedApplication? _application;

    internal TestApplication(params string[] args) => Builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { Args = args, DisableDashboard = true });

    internal IDistributedApplicationBuilder Builder { get; }
    internal CancellationToken Limit => _limit.Token;
    internal IServiceProvider Services => (_application ??= Builder.Build()).Services;
    internal ResourceNotificationService Notifications => Services.GetRequiredService<ResourceNotificationService>();
    internal ResourceLoggerService Logs => Services.GetRequiredService<ResourceLoggerService>();

    /// <summary>Starts everything but the engine.</summary>
    internal async Task StartAsync()
    {
        foreach (var service in Services.GetServices<IHostedService>().Where(service => service is ResourceInitializer or ResourceHealthMonitor))
        {
            await service.StartAsync(Limit);
            _started.Add(service);
        }
    }

    internal Task PublishAsync(IResource resource, string state, int? exitCode = null) =>
        Notifications.PublishUpdateAsync(resource, snapshot => snapshot with { State = state, ExitCode = exitCode });

    internal async Task<IReadOnlyDictionary<string, string>> EnvironmentOfAsync(IResource resource)
    {
        var configuration = await ResourceConfiguration.EvaluateAsync(resource, Builder.ExecutionContext, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, Limit);
        return configuration.Environment.ToDictionary(variable => variable.Name, variable => variable.Value);
    }

    internal async Task<string> LogOfAsync(IResource resource)
    {
        var lines = new List<string>();
        await foreach (var batch in Logs.GetAllAsync(resource))
        {
            lines.AddRange(batch.Select(line => line.Content));
        }

        return string.Join('\n', lines);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _started)
        {
            await service.StopAsync(CancellationToken.None);
        }

        if (_application is not null)
        {
            await _application.DisposeAsync();
        }

        _limit.Dispose();
    }

    internal static void Allocate(IResourceWithEndpoints resource, string endpointName, int port)
    {
        var endpoint = resource.GetEndpoint(endpointName).EndpointAnnotation;
        endpoint.AllocatedEndpoint = new AllocatedEndpoint(endpoint, "localhost", port, $"{{{{port {endpointName}}}}}");
    }
}
