namespace Aspire.Hosting.ApplicationModel;

/// <summary>A .NET project of the solution.</summary>
public class ProjectResource(string name) : Resource(name),
    IResourceWithEnvironment, IResourceWithArgs, IResourceWithServiceDiscovery, IResourceWithWaitSupport;
