using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Adds command line arguments each time the resource starts or is published.</summary>
public class CommandLineArgsCallbackAnnotation(Func<CommandLineArgsCallbackContext, Task> callback) : IResourceAnnotation
{
    public CommandLineArgsCallbackAnnotation(Action<IList<object>> callback) : this(context =>
    {
        callback(context.Args);
        return Task.CompletedTask;
    })
    {
    }

    public Func<CommandLineArgsCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>The arguments gathered so far: text, or values that are evaluated afterwards.</summary>
public sealed class CommandLineArgsCallbackContext(IList<object> args, IResource resource, CancellationToken cancellationToken = default)
{
    public IList<object> Args { get; } = args;
    public IResource Resource { get; } = resource;
    public CancellationToken CancellationToken { get; } = cancellationToken;
    public DistributedApplicationExecutionContext ExecutionContext { get; init; } = new(DistributedApplicationOperation.Run);
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
