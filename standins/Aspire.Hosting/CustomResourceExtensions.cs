using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Resources with a life of their own making.</summary>
public static class CustomResourceExtensions
{
    /// <summary>Says how the resource looks before anything was published about it.</summary>
    public static IResourceBuilder<TResource> WithInitialState<TResource>(this IResourceBuilder<TResource> builder, CustomResourceSnapshot initialSnapshot) where TResource : IResource =>
        builder.WithAnnotation(new ResourceSnapshotAnnotation(initialSnapshot));
}
