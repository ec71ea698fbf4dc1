using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

internal sealed class TestingBuilder(AppHostEntryPoint appHost, DistributedApplicationBuilder builder) : IDistributedApplicationTestingBuilder
{
    public ConfigurationManager Configuration => builder.Configuration;
    public string AppHostDirectory => builder.AppHostDirectory;
    public Assembly? AppHostAssembly => builder.AppHostAssembly;
    public IHostEnvironment Environment => builder.Environment;
    public IServiceCollection Services => builder.Services;
    public IDistributedApplicationEventing Eventing => builder.Eventing;
    public DistributedApplicationExecutionContext ExecutionContext => builder.ExecutionContext;
    public IResourceCollection Resources => builder.Resources;

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource => builder.AddResource(resource);

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource => builder.CreateResourceBuilder(resource);

    public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) => appHost.BuildAsync(cancellationToken);

    public DistributedApplication Build() => BuildAsync().GetAwaiter().GetResult();

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public ValueTask DisposeAsync() => appHost.DisposeAsync();
}
