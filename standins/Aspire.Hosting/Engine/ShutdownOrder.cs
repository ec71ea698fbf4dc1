using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Engine;

/// <summary>Which resources end together, and before which others: a resource ends before what it waits for or refers to.</summary>
internal static class ShutdownOrder
{
    public static IEnumerable<IReadOnlySet<IResource>> Of(IReadOnlyCollection<IResource> resources)
    {
        var left = resources.ToHashSet();
        while (left.Count > 0)
        {
            var needed = left.SelectMany(resource => Needs(resource).Where(other => other != resource)).ToHashSet();
            var wave = left.Where(resource => !needed.Contains(resource)).ToHashSet();

            // Resources that refer to each other in a circle have no order.
            wave = wave.Count > 0 ? wave : [.. left];
            left.ExceptWith(wave);
            yield return wave;
        }
    }

    private static IEnumerable<IResource> Needs(IResource resource) =>
        resource.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource)
            .Concat(resource.Annotations.OfType<ResourceRelationshipAnnotation>().Select(related => related.Resource))
            .SelectMany(needed => needed.SelfAndAncestors());
}
