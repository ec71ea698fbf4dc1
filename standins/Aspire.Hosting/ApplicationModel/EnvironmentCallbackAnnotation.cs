using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Adds environment variables each time the resource starts or is published.</summary>
public class EnvironmentCallbackAnnotation(Func<EnvironmentCallbackContext, Task> callback) : IResourceAnnotation
{
    public EnvironmentCallbackAnnotation(Action<EnvironmentCallbackContext> callback) : this(context =>
    {
        callback(context);
        return Task.CompletedTask;
    })
    {
    }

    public Func<EnvironmentCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>The variables gathered so far: text, or values that are evaluated afterwards.</summary>
public class EnvironmentCallbackContext(DistributedApplicationExecutionContext executionContext, IResource resource, Dictionary<string, object>? environmentVariables = null, CancellationToken cancellationToken = default)
{
    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;
    public IResource Resource { get; } = resource;
    public Dictionary<string, object> EnvironmentVariables { get; } = environmentVariables ?? [];
    public CancellationToken CancellationToken { get; } = cancellationToken;
    public ILogger Logger { get; set; } = NullLogger.Instance;
}
