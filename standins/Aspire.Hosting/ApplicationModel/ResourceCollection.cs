using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The resources of an application, in the order they were added.</summary>
public interface IResourceCollection : IList<IResource>
{
    bool TryGetByName(string name, [NotNullWhen(true)] out IResource? resource);
}

internal sealed class ResourceCollection : Collection<IResource>, IResourceCollection
{
    public ResourceCollection()
    {
    }

    internal ResourceCollection(IEnumerable<IResource> resources) : base([.. resources])
    {
    }

    public bool TryGetByName(string name, [NotNullWhen(true)] out IResource? resource)
    {
        resource = this.FirstOrDefault(candidate => string.Equals(candidate.Name, name, StringComparison.OrdinalIgnoreCase));
        return resource is not null;
    }

    protected override void InsertItem(int index, IResource item)
    {
        if (TryGetByName(item.Name, out var other))
        {
            throw new DistributedApplicationException(
                $"Cannot add resource of type '{item.GetType()}' with name '{item.Name}' because resource of type '{other.GetType()}' with that name already exists. Resource names are case-insensitive.");
        }

        base.InsertItem(index, item);
    }
}

/// <summary>The finished model: what the AppHost declared.</summary>
public class DistributedApplicationModel(IResourceCollection resources)
{
    public DistributedApplicationModel(IEnumerable<IResource> resources) : this(new ResourceCollection(resources))
    {
    }

    public IResourceCollection Resources { get; } = resources;
}
