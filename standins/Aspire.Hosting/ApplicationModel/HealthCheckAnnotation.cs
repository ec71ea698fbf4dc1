namespace Aspire.Hosting.ApplicationModel;

/// <summary>Names a registered health check that says whether the resource is well.</summary>
public class HealthCheckAnnotation(string key) : IResourceAnnotation
{
    public string Key { get; } = key;
}
