namespace Aspire.Hosting.ApplicationModel;

/// <summary>A relationship that the dashboard shows.</summary>
public sealed class ResourceRelationshipAnnotation(IResource resource, string type) : IResourceAnnotation
{
    public IResource Resource { get; } = resource;
    public string Type { get; } = type;
}

internal static class KnownRelationshipTypes
{
    internal const string Parent = "Parent";
    internal const string Reference = "Reference";
    internal const string WaitFor = "WaitFor";
}
