using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Engine;

/// <summary>The processes of one resource: one for each replica. They wait for dependencies together.</summary>
internal sealed class ProcessGroup
{
    private readonly ProcessContext _context;
    private CancellationTokenSource? _waiting;

    public ProcessGroup(IResource resource, ProcessContext context)
    {
        Resource = resource;
        _context = context;
        resource.TryGetLastAnnotation<DcpInstancesAnnotation>(out var instances);
        Processes = instances!.Instances.ToDictionary(instance => instance.Name, instance => new ResourceProcess(this, instance, context));
    }

    public IResource Resource { get; }

    public IReadOnlyDictionary<string, ResourceProcess> Processes { get; }

    /// <summary>Waits for what the resource depends on, then starts it. Failures become the resource's state.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WaitForDependenciesAsync(cancellationToken);
            await StartAsync(Processes.Values, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The application stops before the resource ever ran.
        }
        catch (Exception e)
        {
            await Task.WhenAll(Processes.Values.Select(process => process.FailAsync(e)));
        }
    }

    /// <summary>Starts one process. While the group still waits for dependencies it ends the waiting instead.</summary>
    public async Task StartByHandAsync(ResourceProcess process, CancellationToken cancellationToken)
    {
        if (_waiting is { } waiting)
        {
            await waiting.CancelAsync();
            return;
        }

        if (Processes.Count == 1)
        {
            await StartAsync(cancellationToken);
            return;
        }

        // The others run: the group's state is not to show it waiting again.
        await StartAsync([process], cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Processes.Values.Select(process => process.StopAsync(cancellationToken)));

    private async Task StartAsync(IEnumerable<ResourceProcess> processes, CancellationToken cancellationToken)
    {
        await _context.Eventing.PublishAsync(new BeforeResourceStartedEvent(Resource, _context.Services), cancellationToken);
        await Task.WhenAll(processes.Select(process => process.StartAsync(cancellationToken)));
    }

    private async Task WaitForDependenciesAsync(CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _waiting = waiting;
        try
        {
            await _context.Notifications.WaitForDependenciesAsync(Resource, waiting.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Somebody pressed start.
        }
        finally
        {
            _waiting = null;
        }
    }
}
