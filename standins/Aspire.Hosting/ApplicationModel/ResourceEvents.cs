using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The first of a resource's events: what is no process can begin its own life here.</summary>
public class InitializeResourceEvent(IResource resource, IDistributedApplicationEventing distributedApplicationEventing, ResourceLoggerService resourceLoggerService, ResourceNotificationService resourceNotificationService, IServiceProvider services) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IDistributedApplicationEventing Eventing { get; } = distributedApplicationEventing;
    public ILogger Logger { get; } = resourceLoggerService.GetLogger(resource);
    public ResourceNotificationService Notifications { get; } = resourceNotificationService;
    public IServiceProvider Services { get; } = services;
}

/// <summary>The resource's endpoints have their addresses.</summary>
public class ResourceEndpointsAllocatedEvent(IResource resource, IServiceProvider services) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
}

/// <summary>The resource's connection string can be evaluated; its health checks have not run.</summary>
public class ConnectionStringAvailableEvent(IResource resource, IServiceProvider services) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
}

/// <summary>The resource waits for nothing more and starts as soon as the subscribers are done.</summary>
public class BeforeResourceStartedEvent(IResource resource, IServiceProvider services) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
}

/// <summary>The resource runs and is healthy for the first time since its start; whoever waits for it waits for the subscribers too.</summary>
public class ResourceReadyEvent(IResource resource, IServiceProvider services) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
}

/// <summary>The resource ended, by itself or because it was stopped.</summary>
public class ResourceStoppedEvent(IResource resource, IServiceProvider services, ResourceEvent resourceEvent) : IDistributedApplicationResourceEvent
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
    public ResourceEvent ResourceEvent { get; } = resourceEvent;
}
