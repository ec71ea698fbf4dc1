using System.Diagnostics.CodeAnalysis;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Questions about a resource that its annotations answer.</summary>
public static class ResourceExtensions
{
    public static bool TryGetLastAnnotation<T>(this IResource resource, [NotNullWhen(true)] out T? annotation) where T : IResourceAnnotation
    {
        annotation = resource.Annotations.OfType<T>().LastOrDefault();
        return annotation is not null;
    }

    public static bool TryGetAnnotationsOfType<T>(this IResource resource, [NotNullWhen(true)] out IEnumerable<T>? result) where T : IResourceAnnotation
    {
        var annotations = resource.Annotations.OfType<T>().ToList();
        result = annotations.Count == 0 ? null : annotations;
        return result is not null;
    }

    public static bool HasAnnotationOfType<T>(this IResource resource) where T : IResourceAnnotation => resource.Annotations.OfType<T>().Any();

    public static EndpointReference GetEndpoint(this IResourceWithEndpoints resource, string endpointName) => new(resource, endpointName);

    public static IEnumerable<EndpointReference> GetEndpoints(this IResourceWithEndpoints resource) =>
        resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => new EndpointReference(resource, endpoint));

    public static int GetReplicaCount(this IResource resource) => resource.TryGetLastAnnotation<ReplicaAnnotation>(out var replicas) ? replicas.Replicas : 1;

    /// <summary>
    /// The ids under which the resource is published: those of its instances, which the orchestrator gives it before anything is
    /// published, or its name when it has none.
    /// </summary>
    internal static IReadOnlyList<string> GetResolvedResourceNames(this IResource resource) =>
        resource.TryGetLastAnnotation<DcpInstancesAnnotation>(out var instances) ? [.. instances.Instances.Select(instance => instance.Name)] : [resource.Name];

    /// <summary>How an instance is named to people: by its resource, unless there are several.</summary>
    internal static string DisplayName(this IResource resource, string resourceId) => resource.GetResolvedResourceNames().Count > 1 ? resourceId : resource.Name;

    /// <summary>The kind of resource, as the dashboard groups and icons it.</summary>
    internal static string GetResourceType(this IResource resource) => resource switch
    {
        ProjectResource => "Project",
        ContainerResource => "Container",
        ExecutableResource => "Executable",
        ParameterResource => "Parameter",
        ConnectionStringResource => "ConnectionString",
        _ => resource.GetType().Name,
    };

    /// <summary>The health checks that decide about the resource: its own and those of what it lives in.</summary>
    internal static IReadOnlyList<string> HealthCheckKeys(this IResource resource) =>
        [.. resource.SelfAndAncestors().SelectMany(owner => owner.Annotations.OfType<HealthCheckAnnotation>()).Select(check => check.Key).Distinct()];

    /// <summary>The resource and those it lives in.</summary>
    internal static IEnumerable<IResource> SelfAndAncestors(this IResource resource)
    {
        for (var current = resource; current is not null; current = (current as IResourceWithParent)?.Parent)
        {
            yield return current;
        }
    }
}

/// <summary>The instances the orchestrator runs for a resource; the suffix tells them apart, in DCP and in telemetry.</summary>
internal sealed class DcpInstancesAnnotation(IReadOnlyList<DcpInstance> instances) : IResourceAnnotation
{
    internal IReadOnlyList<DcpInstance> Instances { get; } = instances;
}

internal sealed record DcpInstance(string Name, string Suffix, int Index);
