using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>
/// Brings up what the orchestrator does not run: parameters and connection strings get their values and states, and every
/// resource gets its <see cref="InitializeResourceEvent"/>, in which one with a life of its own begins it.
/// </summary>
internal sealed partial class ResourceInitializer(
    DistributedApplicationModel model,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    IDistributedApplicationEventing eventing,
    IServiceProvider services,
    IHostApplicationLifetime lifetime,
    ILogger<ResourceInitializer> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (model.Resources.OfType<ContainerResource>().FirstOrDefault() is { } container)
        {
            throw new DistributedApplicationException(
                $"Resource '{container.Name}' is a container, which the stand-in for Aspire cannot run: set LocalServices:Mode to 'process', or build with AspirePackages=official.");
        }

        eventing.Subscribe<ResourceEndpointsAllocatedEvent>((allocated, stopping) => RaiseForChildrenAsync(allocated.Resource, stopping));
        foreach (var parameter in model.Resources.OfType<ParameterResource>())
        {
            await InitializeAsync(parameter, cancellationToken);
        }

        foreach (var resource in model.Resources)
        {
            if (resource is not (ProjectResource or ExecutableResource or ParameterResource))
            {
                await notifications.PublishUpdateAsync(resource, snapshot => snapshot);
            }

            // Not awaited: what a resource does here may take as long as its life.
            _ = Task.Run(() => InitializeAsync(resource), CancellationToken.None);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task InitializeAsync(ParameterResource parameter, CancellationToken cancellationToken)
    {
        try
        {
            var value = await parameter.GetValueAsync(cancellationToken);
            await PublishAsync(new(KnownResourceStates.Running, KnownResourceStateStyles.Success), value, parameter.Secret);
        }
        catch (MissingParameterValueException missing)
        {
            LogNoValue(logger, parameter.Name, missing.Message);
            LogNoValue(logs.GetLogger(parameter), parameter.Name, missing.Message);
            await PublishAsync(new(KnownResourceStates.ValueMissing, KnownResourceStateStyles.Error), missing.Message, isSensitive: false);
        }

        Task PublishAsync(ResourceStateSnapshot state, string? value, bool isSensitive) => notifications.PublishUpdateAsync(parameter, snapshot => snapshot with
        {
            State = state,
            Properties = [.. snapshot.Properties, new("Value", value) { IsSensitive = isSensitive, IsHighlighted = true }],
        });
    }

    private async Task InitializeAsync(IResource resource)
    {
        var stopping = lifetime.ApplicationStopping;
        try
        {
            await eventing.PublishAsync(new InitializeResourceEvent(resource, eventing, logs, notifications, services), stopping);
            switch (resource)
            {
                case ConnectionStringResource connection:
                    await StartAsync(connection, stopping);
                    break;
                case ParameterResource and IResourceWithConnectionString:
                    await eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, services), stopping);
                    break;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The application stops before the resource has come up.
        }
        catch (Exception exception)
        {
            LogFailed(logger, exception.Message, resource.Name);
            LogFailed(logs.GetLogger(resource), exception.Message, resource.Name);
            await notifications.PublishUpdateAsync(resource, snapshot => snapshot with { State = new(KnownResourceStates.FailedToStart, KnownResourceStateStyles.Error) });
        }
    }

    private async Task StartAsync(ConnectionStringResource connection, CancellationToken cancellationToken)
    {
        await notifications.WaitForDependenciesAsync(connection, cancellationToken);
        await eventing.PublishAsync(new BeforeResourceStartedEvent(connection, services), cancellationToken);
        var value = await connection.ConnectionStringExpression.GetValueAsync(cancellationToken);
        await notifications.PublishUpdateAsync(connection, snapshot => snapshot with
        {
            State = KnownResourceStates.Running,
            Properties = [.. snapshot.Properties, new("resource.connectionString", value) { IsSensitive = true }],
        });
        await eventing.PublishAsync(new ConnectionStringAvailableEvent(connection, services), cancellationToken);
    }

    // A database in a server, say: nobody starts it, but its connection string is known as soon as the server's address is.
    private async Task RaiseForChildrenAsync(IResource parent, CancellationToken cancellationToken)
    {
        foreach (var child in model.Resources.OfType<IResourceWithParent>().Where(child => child.Parent == parent && child is not (ProjectResource or ExecutableResource or ParameterResource)))
        {
            if (child is IResourceWithConnectionString)
            {
                await eventing.PublishAsync(new ConnectionStringAvailableEvent(child, services), cancellationToken);
            }

            await RaiseForChildrenAsync(child, cancellationToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Parameter '{Parameter}' has no value: {Reason}")]
    private static partial void LogNoValue(ILogger log, string parameter, string reason);

    [LoggerMessage(LogLevel.Error, "Resource '{Resource}' failed to start: {Reason}")]
    private static partial void LogFailed(ILogger log, string reason, string resource);
}
