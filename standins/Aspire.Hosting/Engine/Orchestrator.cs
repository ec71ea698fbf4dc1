using System.Reflection;
using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Lifecycle;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Engine;

/// <summary>Runs the application: gives every resource its processes and addresses, starts them, and ends them in order.</summary>
internal sealed class Orchestrator(
    DistributedApplicationModel model,
    DistributedApplicationOptions options,
    DistributedApplicationExecutionContext execution,
    Dashboard dashboard,
    IConfiguration configuration,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    IDistributedApplicationEventing eventing,
    IServiceProvider services,
    ILogger<Orchestrator> log) : IDistributedApplicationEventingSubscriber, IHostedService, IAsyncDisposable
{
    private const int SuffixLength = 8;

    // Enough for processes that obey; the others would only hold up the rest, and DCP's clean-up kills them.
    private static readonly TimeSpan OrderlyStopLimit = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan CleanUpLimit = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly List<Task> _background = [];
    private IReadOnlyList<ProcessGroup> _groups = [];
    private Task<(AspireBundle Bundle, DcpClient Dcp)>? _launching;
    private bool _isEnding;

    /// <summary>
    /// Decides what runs how often under which name, before anything is told about a resource, and launches DCP, which takes seconds
    /// that the application needs as well for what it does before its start.
    /// </summary>
    /// <exception cref="DistributedApplicationException">The dashboard's settings cannot be used.</exception>
    public Task SubscribeAsync(IDistributedApplicationEventing eventing, DistributedApplicationExecutionContext executionContext, CancellationToken cancellationToken)
    {
        if (dashboard.IsEnabled)
        {
            dashboard.AddTo(model);
        }

        foreach (var resource in model.Resources.Where(IsProcess))
        {
            var count = resource.GetReplicaCount();
            resource.Annotations.Add(new DcpInstancesAnnotation([.. Enumerable.Range(0, count).Select(index => NewInstance(resource, index))]));
            if (resource != dashboard.Resource)
            {
                LifecycleCommands.AddTo(resource, this);
            }
        }

        if (executionContext.IsRunMode)
        {
            _launching = LaunchAsync(cancellationToken);
        }

        return Task.CompletedTask;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var (bundle, dcp) = await _launching!;
        if (dashboard.IsEnabled)
        {
            await dashboard.PrepareAsync(bundle.DashboardPath, cancellationToken);
        }

        await new EndpointAllocator(dcp, configuration).AllocateAsync([.. model.Resources], cancellationToken);
        foreach (var resource in model.Resources)
        {
            await AnnounceAddressesAsync(resource, cancellationToken);
        }

        var appHost = options.AssemblyName is { } name ? Assembly.Load(name) : Assembly.GetEntryAssembly();
        var context = new ProcessContext(dcp, notifications, logs, eventing, services, execution, appHost, _stopped.Token);
        _groups = [.. model.Resources.Where(IsProcess).Select(resource => new ProcessGroup(resource, context))];
        _background.Add(WatchAsync(dcp));
        foreach (var group in _groups)
        {
            if (group.Resource.HasAnnotationOfType<ExplicitStartupAnnotation>())
            {
                await notifications.PublishUpdateAsync(group.Resource, snapshot => snapshot with { State = KnownResourceStates.NotStarted });
            }
            else
            {
                _background.Add(group.StartAsync(_stopping.Token));
            }
        }

        await eventing.PublishAsync(new AfterResourcesCreatedEvent(services, model), cancellationToken);
        if (dashboard.IsEnabled)
        {
            await dashboard.AnnounceAsync(cancellationToken);
            _background.Add(dashboard.RelayComplaintsAsync(_stopping.Token));
        }
    }

    /// <summary>Stops those first that depend on others, so that nothing logs the loss of what it needs.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _isEnding, true))
        {
            return;
        }

        await _stopping.CancelAsync();
        if (await LaunchedAsync() is { } dcp)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(OrderlyStopLimit);
            foreach (var wave in ShutdownOrder.Of([.. _groups.Select(group => group.Resource).Where(resource => resource != dashboard.Resource)]))
            {
                // What does not end here is ended by DCP's clean-up below.
                var ending = Task.WhenAll(_groups.Where(group => wave.Contains(group.Resource)).Select(group => group.StopAsync(limit.Token)));
                await ending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await dcp.StopAsync(CleanUpLimit);
            await _stopped.CancelAsync();
            await Task.WhenAll(_background).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await dcp.DisposeAsync();
        }

        await dashboard.DisposeAsync();
    }

    /// <exception cref="DistributedApplicationException">No process has this id.</exception>
    public ResourceProcess FindProcess(string resourceId) =>
        _groups.Select(group => group.Processes.GetValueOrDefault(resourceId)).FirstOrDefault(process => process is not null)
            ?? throw new DistributedApplicationException($"'{resourceId}' does not run yet.");

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        foreach (var process in _groups.SelectMany(group => group.Processes.Values))
        {
            process.Dispose();
        }

        _stopping.Dispose();
        _stopped.Dispose();
    }

    private async Task<(AspireBundle Bundle, DcpClient Dcp)> LaunchAsync(CancellationToken cancellationToken)
    {
        var bundle = await AspireBundle.GetAsync(configuration, log, cancellationToken);
        return (bundle, await DcpClient.StartAsync(bundle.DcpPath, cancellationToken));
    }

    /// <returns>DCP, or null where it was not launched or did not come up.</returns>
    private async Task<DcpClient?> LaunchedAsync()
    {
        if (_launching is not { } launching)
        {
            return null;
        }

        await ((Task)launching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return launching.IsCompletedSuccessfully ? (await launching).Dcp : null;
    }

    private static bool IsProcess(IResource resource) =>
        resource is ProjectResource || resource.HasAnnotationOfType<ExecutableAnnotation>();

    private static DcpInstance NewInstance(IResource resource, int index)
    {
        var suffix = new string(RandomNumberGenerator.GetItems<char>("abcdefghijklmnopqrstuvwxyz", SuffixLength));
        return new DcpInstance($"{resource.Name}-{suffix}".ToLowerInvariant(), suffix, index);
    }

    private async Task AnnounceAddressesAsync(IResource resource, CancellationToken cancellationToken)
    {
        var urls = await ResourceUrls.EvaluateAsync(resource, execution, logs.GetLogger(resource), cancellationToken);
        if (urls.Length > 0)
        {
            await notifications.PublishUpdateAsync(resource, snapshot => snapshot with { Urls = urls });
        }

        if (!IsProcess(resource))
        {
            return;
        }

        await eventing.PublishAsync(new ResourceEndpointsAllocatedEvent(resource, services), cancellationToken);
        if (resource is IResourceWithConnectionString)
        {
            await eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, services), cancellationToken);
        }
    }

    private async Task WatchAsync(DcpClient dcp)
    {
        await foreach (var change in dcp.WatchAsync<ExecutableSpec, ExecutableStatus>(_stopped.Token))
        {
            var process = _groups.Select(group => group.Processes.GetValueOrDefault(change.Object.Metadata.Name)).FirstOrDefault(found => found is not null);
            if (process is null || change.Type == DcpChange<ExecutableSpec, ExecutableStatus>.Deleted)
            {
                continue;
            }

            try
            {
                await process.OnChangeAsync(change.Object);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A command or event handler of the application failed; the next change is tried all the same.
                log.ChangeFailed(e, change.Object.Metadata.Name);
            }
        }
    }
}
