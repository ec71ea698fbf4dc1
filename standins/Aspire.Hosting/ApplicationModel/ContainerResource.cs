namespace Aspire.Hosting.ApplicationModel;

/// <summary>A container: published as such; the stand-in cannot run one.</summary>
public class ContainerResource(string name, string? entrypoint = null) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public string? Entrypoint { get; set; } = entrypoint;
}

/// <summary>The image a container is made from.</summary>
public sealed class ContainerImageAnnotation : IResourceAnnotation
{
    public string? Registry { get; set; }
    public required string Image { get; set; }
    public string? Tag { get; set; }
}

/// <summary>A volume or folder that outlives the container.</summary>
public sealed class ContainerMountAnnotation(string? source, string target, ContainerMountType type, bool isReadOnly) : IResourceAnnotation
{
    public string? Source { get; } = source;
    public string Target { get; } = target;
    public ContainerMountType Type { get; } = type;
    public bool IsReadOnly { get; } = isReadOnly;
}

/// <summary>Where a mount's data lies.</summary>
public enum ContainerMountType
{
    BindMount,
    Volume,
}
