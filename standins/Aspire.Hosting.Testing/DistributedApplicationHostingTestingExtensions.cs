using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>How a test reaches the resources of a started application.</summary>
public static class DistributedApplicationHostingTestingExtensions
{
    /// <summary>A client for the endpoint that was named, else https before http.</summary>
    public static HttpClient CreateHttpClient(this DistributedApplication app, string resourceName, string? endpointName = null)
    {
        var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        client.BaseAddress = app.GetEndpoint(resourceName, endpointName);
        return client;
    }

    public static ValueTask<string?> GetConnectionStringAsync(this DistributedApplication app, string resourceName, CancellationToken cancellationToken = default) =>
        Find(app, resourceName) is IResourceWithConnectionString resource ? resource.GetConnectionStringAsync(cancellationToken)
            : throw new ArgumentException($"Resource '{resourceName}' does not expose a connection string.", nameof(resourceName));

    public static Uri GetEndpoint(this DistributedApplication app, string resourceName, string? endpointName = null)
    {
        var endpoints = Find(app, resourceName) is IResourceWithEndpoints resource ? resource.GetEndpoints().Where(endpoint => endpoint.IsAllocated).ToList() : [];
        string[] candidates = string.IsNullOrEmpty(endpointName) ? ["https", "http"] : [endpointName];
        var found = candidates.Select(name => endpoints.Find(endpoint => string.Equals(endpoint.EndpointName, name, StringComparison.OrdinalIgnoreCase))).FirstOrDefault(endpoint => endpoint is not null);
        return found is not null ? new Uri(found.Url)
            : throw new ArgumentException($"Endpoint '{string.Join("' or '", candidates)}' for resource '{resourceName}' not found.", nameof(endpointName));
    }

    private static IResource Find(DistributedApplication app, string resourceName)
    {
        ArgumentException.ThrowIfNullOrEmpty(resourceName);
        return !app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.IsCancellationRequested
            ? throw new InvalidOperationException("The application must be started before resolving endpoints or connection strings.")
            : app.Services.GetRequiredService<DistributedApplicationModel>().Resources.TryGetByName(resourceName, out var resource) ? resource
            : throw new ArgumentException($"Resource '{resourceName}' not found.", nameof(resourceName));
    }
}
