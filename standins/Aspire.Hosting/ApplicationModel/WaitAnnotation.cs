namespace Aspire.Hosting.ApplicationModel;

/// <summary>The resource starts only when another has come far enough.</summary>
public sealed class WaitAnnotation(IResource resource, WaitType waitType, int exitCode = 0) : IResourceAnnotation
{
    public IResource Resource { get; } = resource;
    public WaitType WaitType { get; } = waitType;
    public WaitBehavior? WaitBehavior { get; init; }
    public int ExitCode { get; } = exitCode;
}

/// <summary>How far the other resource must have come.</summary>
public enum WaitType
{
    WaitUntilHealthy,
    WaitForCompletion,
    WaitUntilStarted,
}

/// <summary>What happens when the other resource fails or ends instead.</summary>
public enum WaitBehavior
{
    WaitOnResourceUnavailable,
    StopOnResourceUnavailable,
}
