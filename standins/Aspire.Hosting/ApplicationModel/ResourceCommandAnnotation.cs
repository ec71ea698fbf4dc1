using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>An action on a resource: a button in the dashboard, a method call in code.</summary>
public sealed class ResourceCommandAnnotation : IResourceAnnotation
{
    internal ResourceCommandAnnotation(string name, string displayName, Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand, CommandOptions? options = null)
    {
        Name = name;
        DisplayName = displayName;
        ExecuteCommand = executeCommand;
        DisplayDescription = options?.Description;
        ConfirmationMessage = options?.ConfirmationMessage;
        IconName = options?.IconName;
        IconVariant = options?.IconVariant;
        IsHighlighted = options?.IsHighlighted ?? false;
        UpdateState = options?.UpdateState ?? (_ => ResourceCommandState.Enabled);
    }

    public string Name { get; }
    public string DisplayName { get; }
    public string? DisplayDescription { get; }
    public string? ConfirmationMessage { get; }
    public string? IconName { get; }
    public IconVariant? IconVariant { get; }
    public bool IsHighlighted { get; }
    public Func<UpdateCommandStateContext, ResourceCommandState> UpdateState { get; }
    public Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand { get; }
}

/// <summary>How a command looks, and when it can be used.</summary>
public class CommandOptions
{
    public string? Description { get; set; }
    public string? ConfirmationMessage { get; set; }
    public string? IconName { get; set; }
    public IconVariant? IconVariant { get; set; }
    public bool IsHighlighted { get; set; }
    public Func<UpdateCommandStateContext, ResourceCommandState>? UpdateState { get; set; }
}

/// <summary>Whether a command can be used now.</summary>
public enum ResourceCommandState
{
    Enabled,
    Disabled,
    Hidden,
}

/// <summary>What the state of a command is decided from.</summary>
public sealed class UpdateCommandStateContext
{
    public required IServiceProvider Services { get; init; }
    public required CustomResourceSnapshot ResourceSnapshot { get; init; }
}

/// <summary>What a command gets when it runs.</summary>
public sealed class ExecuteCommandContext
{
    public required IServiceProvider Services { get; init; }

    /// <summary>The id of the instance, which differs from the resource's name when there are replicas.</summary>
    public required string ResourceName { get; init; }

    public required CancellationToken CancellationToken { get; init; }

    /// <summary>Writes into the resource's console log.</summary>
    public required ILogger Logger { get; init; }
}

/// <summary>How a command ended.</summary>
public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }
    public bool Canceled { get; init; }
    public string? Message { get; init; }
    public CommandResultData? Data { get; init; }
}

/// <summary>What a command shows in the dashboard's result window.</summary>
public sealed class CommandResultData
{
    public required string Value { get; init; }
    public CommandResultFormat Format { get; init; }
    public bool DisplayImmediately { get; init; }
}

/// <summary>How a command's result is to be read.</summary>
public enum CommandResultFormat
{
    Text,
    Json,
    Markdown,
}

/// <summary>Short forms of <see cref="ExecuteCommandResult"/>.</summary>
public static class CommandResults
{
    public static ExecuteCommandResult Success() => new() { Success = true };

    public static ExecuteCommandResult Success(string message) => new() { Success = true, Message = message };

    public static ExecuteCommandResult Success(string message, CommandResultData value) => new() { Success = true, Message = message, Data = value };

    public static ExecuteCommandResult Success(string message, string result, CommandResultFormat resultFormat = CommandResultFormat.Text) =>
        Success(message, new CommandResultData { Value = result, Format = resultFormat });

    public static ExecuteCommandResult Success(string message, string result, CommandResultFormat resultFormat, bool displayImmediately) =>
        Success(message, new CommandResultData { Value = result, Format = resultFormat, DisplayImmediately = displayImmediately });

    public static ExecuteCommandResult Failure(string? errorMessage = null) => new() { Success = false, Message = errorMessage };

    public static ExecuteCommandResult Failure(Exception exception) => Failure(exception?.Message);

    public static ExecuteCommandResult Canceled() => new() { Success = false, Canceled = true };
}
