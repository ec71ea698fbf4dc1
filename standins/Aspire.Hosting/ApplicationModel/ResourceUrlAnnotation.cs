using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A link that the dashboard shows for the resource.</summary>
public sealed class ResourceUrlAnnotation : IResourceAnnotation
{
    public int? DisplayOrder;

    public required string Url { get; set; }
    public string? DisplayText { get; set; }
    public EndpointReference? Endpoint { get; init; }
    public UrlDisplayLocation DisplayLocation { get; set; }
}

/// <summary>Where in the dashboard a link is shown.</summary>
public enum UrlDisplayLocation
{
    SummaryAndDetails,
    DetailsOnly,
}

/// <summary>Changes the resource's links once its endpoints are allocated.</summary>
public sealed class ResourceUrlsCallbackAnnotation(Func<ResourceUrlsCallbackContext, Task> callback) : IResourceAnnotation
{
    public ResourceUrlsCallbackAnnotation(Action<ResourceUrlsCallbackContext> callback) : this(context =>
    {
        callback(context);
        return Task.CompletedTask;
    })
    {
    }

    public Func<ResourceUrlsCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>The links gathered so far: one for each endpoint, and those added by name.</summary>
public class ResourceUrlsCallbackContext(DistributedApplicationExecutionContext executionContext, IResource resource, List<ResourceUrlAnnotation>? urls = null, CancellationToken cancellationToken = default)
{
    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;
    public IResource Resource { get; } = resource;
    public List<ResourceUrlAnnotation> Urls { get; } = urls ?? [];
    public CancellationToken CancellationToken { get; } = cancellationToken;
    public ILogger Logger { get; set; } = NullLogger.Instance;

    public EndpointReference? GetEndpoint(string name) => Resource is IResourceWithEndpoints owner ? new(owner, name) : null;
}
