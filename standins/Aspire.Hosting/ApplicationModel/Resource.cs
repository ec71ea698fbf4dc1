using System.Collections.ObjectModel;
using System.Text.RegularExpressions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Anything the application is made of: a process, a database, a value.</summary>
public interface IResource
{
    string Name { get; }
    ResourceAnnotationCollection Annotations { get; }
}

/// <summary>A fact about a resource that somebody else acts on.</summary>
public interface IResourceAnnotation;

/// <summary>Base of all resources.</summary>
public abstract class Resource : IResource
{
    protected Resource(string name) => Name = ModelName.Validated("Resource", name);

    public virtual string Name { get; }
    public virtual ResourceAnnotationCollection Annotations { get; } = [];

    public override string ToString() => Name;
}

/// <summary>A resource's annotations; reading it while another thread adds sees the state before or after.</summary>
public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>, IEnumerable<IResourceAnnotation>
{
    private readonly Lock _lock = new();

    protected override void InsertItem(int index, IResourceAnnotation item)
    {
        lock (_lock)
        {
            base.InsertItem(index, item);
        }
    }

    protected override void SetItem(int index, IResourceAnnotation item)
    {
        lock (_lock)
        {
            base.SetItem(index, item);
        }
    }

    protected override void RemoveItem(int index)
    {
        lock (_lock)
        {
            base.RemoveItem(index);
        }
    }

    protected override void ClearItems()
    {
        lock (_lock)
        {
            base.ClearItems();
        }
    }

    IEnumerator<IResourceAnnotation> IEnumerable<IResourceAnnotation>.GetEnumerator()
    {
        lock (_lock)
        {
            return Items.ToList().GetEnumerator();
        }
    }
}

/// <summary>Whether a new annotation stands beside earlier ones of its type or takes their place.</summary>
public enum ResourceAnnotationMutationBehavior
{
    Append,
    Replace,
}

internal static partial class ModelName
{
    /// <summary>The name, if every part of the system (DCP, DNS, the manifest) can carry it.</summary>
    internal static string Validated(string kind, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return Allowed().IsMatch(name)
            ? name
            : throw new ArgumentException($"{kind} name '{name}' is invalid: use 1 to 64 ASCII letters, digits and hyphens, begin with a letter, do not end with a hyphen or repeat one.", nameof(name));
    }

    [GeneratedRegex("^(?=.{1,64}$)[a-zA-Z](-?[a-zA-Z0-9])*$")]
    private static partial Regex Allowed();
}
