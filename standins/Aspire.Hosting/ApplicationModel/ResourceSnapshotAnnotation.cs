namespace Aspire.Hosting.ApplicationModel;

/// <summary>How the resource looks before anything was published about it.</summary>
public class ResourceSnapshotAnnotation(CustomResourceSnapshot initialSnapshot) : IResourceAnnotation
{
    public CustomResourceSnapshot InitialSnapshot { get; } = initialSnapshot;
}
