using System.Globalization;
using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

public partial class ResourceNotificationService
{
    // A tracked process that reached one of these will not get any further by itself.
    private static readonly string[] s_unavailable = [KnownResourceStates.Finished, KnownResourceStates.Exited, KnownResourceStates.FailedToStart, KnownResourceStates.RuntimeUnhealthy];

    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [string.IsNullOrEmpty(targetState) ? KnownResourceStates.Running : targetState], cancellationToken);

    public async Task<string> WaitForResourceAsync(string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var targets = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitAsync(resourceName, change => change.Snapshot.State is { } state && targets.Contains(state.Text),
            $"reach {string.Join(" or ", targets.Select(target => $"'{target}'"))}", cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    public Task<ResourceEvent> WaitForResourceAsync(string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default) =>
        WaitAsync(resourceName, predicate, "become what was waited for", cancellationToken);

    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(resourceName, _defaultWaitBehavior, cancellationToken);

    /// <summary>Waits until the resource is healthy and the subscribers of its <see cref="ResourceReadyEvent"/> are done.</summary>
    /// <exception cref="DistributedApplicationException">There is no such resource, or it failed and the behavior says to stop then.</exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        if (waitBehavior == WaitBehavior.StopOnResourceUnavailable && !_model.Resources.TryGetByName(resourceName, out _))
        {
            throw new DistributedApplicationException($"Stopped waiting for resource '{resourceName}' to become healthy because it does not exist in the application model.");
        }

        var change = await WaitAsync(resourceName, change => change.Snapshot.HealthStatus == HealthStatus.Healthy || HasFailed(change, waitBehavior), "become healthy", cancellationToken);
        return change.Snapshot.HealthStatus == HealthStatus.Healthy
            ? await WaitForReadyAsync(resourceName, change.ResourceId, waitBehavior, cancellationToken)
            : throw new DistributedApplicationException($"Stopped waiting for resource '{resourceName}' to become healthy because it failed to start.");
    }

    /// <summary>Shows the resource as waiting, if it has to wait, until everything it was told to wait for has come far enough.</summary>
    /// <exception cref="DistributedApplicationException">A dependency failed or ended, and will not come that far.</exception>
    public async Task WaitForDependenciesAsync(IResource resource, CancellationToken cancellationToken)
    {
        var waits = resource.Annotations.OfType<WaitAnnotation>().Where(wait => wait.Resource is not IResourceWithoutLifetime).ToList();
        if (waits.Count == 0)
        {
            return;
        }

        await PublishUpdateAsync(resource, snapshot => snapshot with { State = KnownResourceStates.Waiting });
        var log = _resourceLogs.GetLogger(resource);
        await Task.WhenAll(waits.SelectMany(wait => wait.Resource.GetResolvedResourceNames().Select(id => WaitForAsync(resource, wait, id, log, cancellationToken))));
    }

    private async Task WaitForAsync(IResource resource, WaitAnnotation wait, string dependencyId, ILogger log, CancellationToken cancellationToken)
    {
        var dependency = wait.Resource;
        var name = dependency.DisplayName(dependencyId);
        var behavior = wait.WaitBehavior ?? _defaultWaitBehavior;

        if (wait.WaitType == WaitType.WaitForCompletion)
        {
            WaitLog.Completion(log, name);
            var ended = await WaitAsync(dependency.Name, change => change.ResourceId == dependencyId && HasEnded(change), "end", cancellationToken);
            if (ended.Snapshot.State?.Text == KnownResourceStates.FailedToStart)
            {
                throw GivenUp(resource, name, "it failed to start", () => WaitLog.FailedToStart(log, name));
            }

            if (ended.Snapshot.ExitCode is { } exitCode && exitCode != wait.ExitCode)
            {
                var state = ended.Snapshot.State?.Text ?? KnownResourceStates.Finished;
                throw GivenUp(resource, name, $"it entered the '{state}' state with exit code '{exitCode}', expected '{wait.ExitCode}'", () => WaitLog.ExitCode(log, name, state, exitCode, wait.ExitCode));
            }

            WaitLog.Finished(log, name);
            return;
        }

        WaitLog.Running(log, name);
        var change = await WaitAsync(dependency.Name, change => change.ResourceId == dependencyId && (change.Snapshot.State?.Text == KnownResourceStates.Running || HasFailed(change, behavior)), "start", cancellationToken);
        ThrowIfFailed(change);
        if (wait.WaitType == WaitType.WaitUntilStarted)
        {
            WaitLog.Started(log, name);
            return;
        }

        WaitLog.Healthy(log, name);
        change = await WaitAsync(dependency.Name, change => change.ResourceId == dependencyId && (change.Snapshot.HealthStatus == HealthStatus.Healthy || HasFailed(change, behavior)), "become healthy", cancellationToken);
        ThrowIfFailed(change);
        await WaitForReadyAsync(dependency.Name, dependencyId, behavior, cancellationToken);
        WaitLog.Finished(log, name);

        void ThrowIfFailed(ResourceEvent change)
        {
            if (HasFailed(change, behavior))
            {
                var state = change.Snapshot.State!.Text;
                throw state == KnownResourceStates.FailedToStart
                    ? GivenUp(resource, name, "it failed to start", () => WaitLog.FailedToStart(log, name))
                    : GivenUp(resource, name, $"it entered the '{state}' state prematurely", () => WaitLog.Premature(log, name, state));
            }
        }
    }

    private async Task<ResourceEvent> WaitForReadyAsync(string resourceName, string resourceId, WaitBehavior behavior, CancellationToken cancellationToken)
    {
        var ready = await WaitAsync(resourceName, change => change.ResourceId == resourceId && (change.Snapshot.ReadyHandlers is not null || HasFailed(change, behavior)), "become ready", cancellationToken);
        if (ready.Snapshot.ReadyHandlers is not { } handlers)
        {
            throw new DistributedApplicationException($"Stopped waiting for resource '{resourceName}' to become ready because it entered the '{ready.Snapshot.State?.Text}' state.");
        }

        await handlers.WaitAsync(cancellationToken);
        return ready;
    }

    private async Task<ResourceEvent> WaitAsync(string resourceName, Func<ResourceEvent, bool> predicate, string goal, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var change in WatchAsync(cancellationToken))
            {
                if (IsNamed(change.Resource, resourceName) && predicate(change))
                {
                    return change;
                }
            }
        }
        catch (OperationCanceledException exception)
        {
            throw new OperationCanceledException(GivenUpMessage(resourceName, goal), exception, cancellationToken);
        }

        throw new OperationCanceledException(GivenUpMessage(resourceName, goal));
    }

    private static bool HasFailed(ResourceEvent change, WaitBehavior behavior) =>
        behavior == WaitBehavior.StopOnResourceUnavailable && s_unavailable.Contains(change.Snapshot.State?.Text);

    private static bool HasEnded(ResourceEvent change) =>
        KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text) || change.Snapshot.ExitCode is not null;

    private static DistributedApplicationException GivenUp(IResource resource, string dependency, string why, Action log)
    {
        log();
        return new($"Resource '{resource.Name}' stopped waiting for dependency resource '{dependency}' because {why}.");
    }

    private string GivenUpMessage(string resourceName, string goal)
    {
        var message = new StringBuilder($"Resource '{resourceName}' did not {goal} before the operation was cancelled");
        var instances = new List<ResourceEvent>();
        lock (_lock)
        {
            instances.AddRange(_latest.Values.Where(latest => IsNamed(latest.Resource, resourceName)));
        }

        foreach (var (id, snapshot) in instances.Select(instance => (instance.ResourceId, instance.Snapshot)))
        {
            message.Append(CultureInfo.InvariantCulture, $"; {id} is in state '{snapshot.State?.Text ?? "none"}', health '{snapshot.HealthStatus?.ToString() ?? "none"}'");
            foreach (var report in snapshot.HealthReports.Where(report => report.Status != HealthStatus.Healthy))
            {
                message.Append(CultureInfo.InvariantCulture, $", check '{report.Name}' {report.Status?.ToString() ?? "not run"}: {report.Description ?? report.ExceptionText?.Split('\n')[0]}");
            }
        }

        return message.Append('.').ToString();
    }

    // They go into the waiting resource's own log, where somebody will look for the reason.
    private static partial class WaitLog
    {
        [LoggerMessage(LogLevel.Information, "Waiting for resource '{Resource}' to enter the 'Running' state.")]
        internal static partial void Running(ILogger log, string resource);

        [LoggerMessage(LogLevel.Information, "Waiting for resource '{Resource}' to become healthy.")]
        internal static partial void Healthy(ILogger log, string resource);

        [LoggerMessage(LogLevel.Information, "Waiting for resource '{Resource}' to complete.")]
        internal static partial void Completion(ILogger log, string resource);

        [LoggerMessage(LogLevel.Information, "Finished waiting for resource '{Resource}'.")]
        internal static partial void Finished(ILogger log, string resource);

        [LoggerMessage(LogLevel.Information, "Finished waiting for resource '{Resource}' to start.")]
        internal static partial void Started(ILogger log, string resource);

        [LoggerMessage(LogLevel.Error, "Dependency resource '{Resource}' failed to start.")]
        internal static partial void FailedToStart(ILogger log, string resource);

        [LoggerMessage(LogLevel.Error, "Resource '{Resource}' has entered the '{State}' state prematurely.")]
        internal static partial void Premature(ILogger log, string resource, string state);

        [LoggerMessage(LogLevel.Error, "Resource '{Resource}' has entered the '{State}' state with exit code '{ExitCode}', expected '{Expected}'.")]
        internal static partial void ExitCode(ILogger log, string resource, string state, int exitCode, int expected);
    }
}
