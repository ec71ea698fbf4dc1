using Aspire.Hosting.Eventing;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The model is complete and nothing has started; it can still be changed.</summary>
public class BeforeStartEvent(IServiceProvider services, DistributedApplicationModel model) : IDistributedApplicationEvent
{
    public IServiceProvider Services { get; } = services;
    public DistributedApplicationModel Model { get; } = model;
}

/// <summary>Every resource was handed to the orchestrator; those that wait for others may not run yet.</summary>
public class AfterResourcesCreatedEvent(IServiceProvider services, DistributedApplicationModel model) : IDistributedApplicationEvent
{
    public IServiceProvider Services { get; } = services;
    public DistributedApplicationModel Model { get; } = model;
}
