using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Eventing;

/// <inheritdoc cref="IDistributedApplicationEventing"/>
public class DistributedApplicationEventing : IDistributedApplicationEventing
{
    private readonly Lock _lock = new();
    private readonly List<(Type Event, DistributedApplicationEventSubscription Subscription)> _subscriptions = [];

    public DistributedApplicationEventSubscription Subscribe<T>(Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationEvent
    {
        if (typeof(T).IsAbstract)
        {
            throw new ArgumentException($"Subscribe to a concrete event type, not to '{typeof(T).Name}'.");
        }

        var subscription = new DistributedApplicationEventSubscription((@event, cancellationToken) => callback((T)@event, cancellationToken));
        lock (_lock)
        {
            _subscriptions.Add((typeof(T), subscription));
        }

        return subscription;
    }

    public DistributedApplicationEventSubscription Subscribe<T>(IResource resource, Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationResourceEvent =>
        Subscribe<T>((@event, cancellationToken) => @event.Resource == resource ? callback(@event, cancellationToken) : Task.CompletedTask);

    public void Unsubscribe(DistributedApplicationEventSubscription subscription)
    {
        lock (_lock)
        {
            _subscriptions.RemoveAll(entry => entry.Subscription == subscription);
        }
    }

    public Task PublishAsync<T>(T @event, CancellationToken cancellationToken = default) where T : IDistributedApplicationEvent =>
        PublishAsync(@event, EventDispatchBehavior.BlockingSequential, cancellationToken);

    public Task PublishAsync<T>(T @event, EventDispatchBehavior dispatchBehavior, CancellationToken cancellationToken = default) where T : IDistributedApplicationEvent
    {
        List<DistributedApplicationEventSubscription> subscriptions;
        lock (_lock)
        {
            subscriptions = [.. _subscriptions.Where(entry => entry.Event == typeof(T)).Select(entry => entry.Subscription)];
        }

        switch (dispatchBehavior)
        {
            case EventDispatchBehavior.BlockingConcurrent:
                return AllAsync();
            case EventDispatchBehavior.NonBlockingConcurrent:
                _ = Task.Run(AllAsync, CancellationToken.None);
                return Task.CompletedTask;
            case EventDispatchBehavior.NonBlockingSequential:
                _ = Task.Run(OneByOneAsync, CancellationToken.None);
                return Task.CompletedTask;
            default:
                return OneByOneAsync();
        }

        Task AllAsync() => Task.WhenAll(subscriptions.Select(subscription => subscription.Callback(@event, cancellationToken)));

        async Task OneByOneAsync()
        {
            foreach (var subscription in subscriptions)
            {
                await subscription.Callback(@event, cancellationToken);
            }
        }
    }
}
