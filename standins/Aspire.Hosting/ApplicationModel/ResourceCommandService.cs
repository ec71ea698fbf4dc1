using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Runs the commands of resources.</summary>
public partial class ResourceCommandService
{
    private readonly ResourceNotificationService _notifications;
    private readonly ResourceLoggerService _resourceLogs;
    private readonly IServiceProvider _services;

    internal ResourceCommandService(ResourceNotificationService notifications, ResourceLoggerService resourceLogs, IServiceProvider services)
    {
        _notifications = notifications;
        _resourceLogs = resourceLogs;
        _services = services;
    }

    /// <summary>Runs the command on one instance; one that cannot be found or used is a failed result, not an exception.</summary>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default) =>
        _notifications.TryGetCurrentState(resourceId, out var current)
            ? await ExecuteAsync(current.Resource, current.ResourceId, commandName, cancellationToken)
            : CommandResults.Failure($"Resource '{resourceId}' not found.");

    /// <summary>Runs the command on every instance at once; the result is a success only if all are.</summary>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default)
    {
        var ids = resource.GetResolvedResourceNames();
        var results = await Task.WhenAll(ids.Select(id => ExecuteAsync(resource, id, commandName, cancellationToken)));
        if (results.Length == 1)
        {
            return results[0];
        }

        var failures = ids.Zip(results).Where(pair => pair.Second is { Success: false, Canceled: false }).ToList();
        return failures.Count > 0 ? CommandResults.Failure($"{failures.Count} command executions failed: {string.Join("; ", failures.Select(failure => $"{failure.First}: {failure.Second.Message}"))}")
            : results.Any(result => result.Canceled) ? CommandResults.Canceled()
            : new ExecuteCommandResult { Success = true, Message = results[0].Message, Data = results.FirstOrDefault(result => result.Data is not null)?.Data };
    }

    private async Task<ExecuteCommandResult> ExecuteAsync(IResource resource, string resourceId, string commandName, CancellationToken cancellationToken)
    {
        var log = _resourceLogs.GetLogger(resourceId);
        if (resource.Annotations.OfType<ResourceCommandAnnotation>().LastOrDefault(command => string.Equals(command.Name, commandName, StringComparison.OrdinalIgnoreCase)) is not { } command)
        {
            LogMissing(log, commandName);
            return CommandResults.Failure($"Command '{commandName}' not available for resource '{resourceId}'.");
        }

        LogExecuting(log, command.Name);
        try
        {
            var result = await command.ExecuteCommand(new ExecuteCommandContext { Services = _services, ResourceName = resourceId, CancellationToken = cancellationToken, Logger = log });
            if (result.Success)
            {
                LogSuccess(log, command.Name);
            }
            else if (result.Canceled)
            {
                LogCanceled(log, command.Name);
            }
            else
            {
                LogFailure(log, command.Name, result.Message ?? "no reason given");
            }

            return result;
        }
        catch (OperationCanceledException)
        {
            LogCanceled(log, command.Name);
            return CommandResults.Canceled();
        }
        catch (Exception exception)
        {
            LogError(log, exception, command.Name);
            return CommandResults.Failure(exception);
        }
    }

    [LoggerMessage(LogLevel.Information, "Executing command '{Command}'.")]
    private static partial void LogExecuting(ILogger log, string command);

    [LoggerMessage(LogLevel.Information, "Successfully executed command '{Command}'.")]
    private static partial void LogSuccess(ILogger log, string command);

    [LoggerMessage(LogLevel.Information, "Command '{Command}' was canceled.")]
    private static partial void LogCanceled(ILogger log, string command);

    [LoggerMessage(LogLevel.Error, "Command '{Command}' failed: {Reason}")]
    private static partial void LogFailure(ILogger log, string command, string reason);

    [LoggerMessage(LogLevel.Error, "Error executing command '{Command}'.")]
    private static partial void LogError(ILogger log, Exception exception, string command);

    [LoggerMessage(LogLevel.Information, "Command '{Command}' not available.")]
    private static partial void LogMissing(ILogger log, string command);
}
