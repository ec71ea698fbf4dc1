using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The one place where the state of every resource is kept, changed, watched and waited for.</summary>
public partial class ResourceNotificationService : IDisposable
{
    // A watcher that has fallen this far behind loses the oldest changes; the latest state of a resource is never lost for long,
    // since every further change carries it whole.
    private const int WatcherCapacity = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResourceEvent> _latest = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Channel<ResourceEvent>> _watchers = [];
    private readonly ILogger<ResourceNotificationService> _logger;
    private readonly ResourceLoggerService _resourceLogs;
    private readonly IServiceProvider _services;
    private readonly DistributedApplicationModel _model;
    private readonly WaitBehavior _defaultWaitBehavior;
    private bool _disposed;

    internal ResourceNotificationService(ILogger<ResourceNotificationService> logger, IServiceProvider services, ResourceLoggerService resourceLogs, DistributedApplicationModel model, DistributedApplicationOptions options)
    {
        // Where nobody looks at a dashboard, nobody would restart what failed: waiting on could only end in a time-out.
        _defaultWaitBehavior = options.DisableDashboard ? WaitBehavior.StopOnResourceUnavailable : WaitBehavior.WaitOnResourceUnavailable;
        _logger = logger;
        _services = services;
        _resourceLogs = resourceLogs;
        _model = model;
    }

    /// <summary>The current state of every resource, then each change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var watcher = Channel.CreateBounded<ResourceEvent>(new BoundedChannelOptions(WatcherCapacity) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_lock)
        {
            foreach (var latest in _latest.Values)
            {
                watcher.Writer.TryWrite(latest);
            }

            _watchers.Add(watcher);
            if (_disposed)
            {
                watcher.Writer.TryComplete();
            }
        }

        try
        {
            await foreach (var change in watcher.Reader.ReadAllAsync(cancellationToken))
            {
                yield return change;
            }
        }
        finally
        {
            lock (_lock)
            {
                _watchers.Remove(watcher);
            }
        }
    }

    /// <summary>Changes the state of every instance of the resource.</summary>
    public async Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        foreach (var id in resource.GetResolvedResourceNames())
        {
            await PublishUpdateAsync(resource, id, stateFactory);
        }
    }

    /// <summary>Changes the state of one instance; the factory gets the current state and must be quick.</summary>
    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_lock)
        {
            var previous = _latest.TryGetValue(resourceId, out var latest) ? latest.Snapshot : InitialSnapshot(resource);
            var next = WithCommands(resource, WithHealthReset(resource, previous, stateFactory(previous)));
            var change = new ResourceEvent(resource, resourceId, next);
            _latest[resourceId] = change;
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryWrite(change);
            }

            if (previous.State?.Text != next.State?.Text)
            {
                LogState(resourceId, previous.State?.Text ?? "(none)", next.State?.Text ?? "(none)");
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>Finds an instance by its id, or the only instance of a resource by the resource's name.</summary>
    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        lock (_lock)
        {
            if (!_latest.TryGetValue(resourceId, out resourceEvent))
            {
                var instances = _latest.Values.Where(latest => IsNamed(latest.Resource, resourceId)).Take(2).ToList();
                resourceEvent = instances.Count == 1 ? instances[0] : null;
            }
        }

        return resourceEvent is not null;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryComplete();
            }
        }

        GC.SuppressFinalize(this);
    }

    private static bool IsNamed(IResource resource, string name) => string.Equals(resource.Name, name, StringComparison.OrdinalIgnoreCase);

    private static CustomResourceSnapshot InitialSnapshot(IResource resource)
    {
        var snapshot = resource.TryGetLastAnnotation<ResourceSnapshotAnnotation>(out var initial) ? initial.InitialSnapshot
            : new CustomResourceSnapshot { ResourceType = resource.GetResourceType(), Properties = [] };
        resource.TryGetLastAnnotation<ResourceIconAnnotation>(out var icon);
        var parent = resource is IResourceWithParent child ? child.Parent
            : resource.Annotations.OfType<ResourceRelationshipAnnotation>().LastOrDefault(related => related.Type == KnownRelationshipTypes.Parent)?.Resource;
        return snapshot with
        {
            // The dashboard stops listening at the first resource without one, and one that waits has no process to take it from.
            CreationTimeStamp = snapshot.CreationTimeStamp ?? TimeProvider.System.GetUtcNow().UtcDateTime,
            // The dashboard shows the resource below the row of that name.
            Properties = parent is null ? snapshot.Properties : [.. snapshot.Properties, new("resource.parentName", parent.GetResolvedResourceNames()[0])],
            Relationships = snapshot.Relationships.IsEmpty ? Relationships(resource) : snapshot.Relationships,
            IconName = snapshot.IconName ?? icon?.IconName,
            IconVariant = snapshot.IconVariant ?? icon?.IconVariant,
        };
    }

    private static ImmutableArray<RelationshipSnapshot> Relationships(IResource resource) =>
    [
        .. resource is IResourceWithParent child ? [new RelationshipSnapshot(child.Parent.Name, KnownRelationshipTypes.Parent)] : Array.Empty<RelationshipSnapshot>(),
        .. resource.Annotations.OfType<ResourceRelationshipAnnotation>().Select(related => new RelationshipSnapshot(related.Resource.Name, related.Type)).Distinct(),
    ];

    // What was healthy or ready before a restart says nothing about the process that runs after it.
    private static CustomResourceSnapshot WithHealthReset(IResource resource, CustomResourceSnapshot previous, CustomResourceSnapshot next)
    {
        var runs = next.State?.Text == KnownResourceStates.Running;
        if (runs && previous.State?.Text != KnownResourceStates.Running)
        {
            return next with
            {
                ReadyHandlers = null,
                HealthReports = [.. resource.HealthCheckKeys().Select(key => new HealthReportSnapshot(key, null, null, null))],
            };
        }

        return next;
    }

    private CustomResourceSnapshot WithCommands(IResource resource, CustomResourceSnapshot snapshot)
    {
        var commands = resource.Annotations.OfType<ResourceCommandAnnotation>().ToList();
        if (commands.Count == 0)
        {
            return snapshot;
        }

        var context = new UpdateCommandStateContext { ResourceSnapshot = snapshot, Services = _services };
        return snapshot with
        {
            Commands = [.. commands.Select(command => new ResourceCommandSnapshot(command.Name, command.UpdateState(context), command.DisplayName,
                command.DisplayDescription, null, command.ConfirmationMessage, command.IconName, command.IconVariant, command.IsHighlighted))],
        };
    }

    [LoggerMessage(LogLevel.Debug, "Resource '{ResourceId}' changed from '{Before}' to '{Now}'.")]
    private partial void LogState(string resourceId, string before, string now);
}

/// <summary>What became of one instance of a resource.</summary>
public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    public IResource Resource { get; } = resource;
    public string ResourceId { get; } = resourceId;
    public CustomResourceSnapshot Snapshot { get; } = snapshot;
}
