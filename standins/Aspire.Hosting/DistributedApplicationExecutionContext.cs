namespace Aspire.Hosting;

/// <summary>Whether the AppHost runs the application or publishes it.</summary>
public class DistributedApplicationExecutionContext
{
    public DistributedApplicationExecutionContext(DistributedApplicationOperation operation) : this(operation, "manifest")
    {
    }

    public DistributedApplicationExecutionContext(DistributedApplicationOperation operation, string publisherName)
    {
        Operation = operation;
        PublisherName = publisherName;
    }

    public DistributedApplicationOperation Operation { get; }
    public string PublisherName { get; set; }
    public bool IsRunMode => Operation == DistributedApplicationOperation.Run;
    public bool IsPublishMode => Operation == DistributedApplicationOperation.Publish;

    /// <exception cref="InvalidOperationException">The application is not built yet.</exception>
    public IServiceProvider Services => BuiltServices
        ?? throw new InvalidOperationException("The services of the application are available once it is built.");

    internal IServiceProvider? BuiltServices { get; set; }
}

/// <summary>What the AppHost was started for.</summary>
public enum DistributedApplicationOperation
{
    Run,
    Publish,
}
