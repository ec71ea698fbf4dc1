using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>
/// Lets the testing package run an AppHost's own entry point and step in where the builder is made and built. It applies to
/// what the entry point calls, and so does not touch another application of the same process.
/// </summary>
internal abstract class EntryPointInterception
{
    private static readonly AsyncLocal<EntryPointInterception?> s_current = new();

    private readonly TaskCompletionSource _abandoned = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal static EntryPointInterception? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    /// <summary>Completes when nobody wants the application any more: the entry point then ends without having run it.</summary>
    internal Task Abandoned => _abandoned.Task;

    internal void Abandon() => _abandoned.TrySetResult();

    internal abstract void OnConstructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings);

    internal virtual void OnConstructed(DistributedApplicationBuilder builder)
    {
    }

    internal virtual void OnBuilding(DistributedApplicationBuilder builder)
    {
    }

    internal virtual void OnBuilt(DistributedApplication application)
    {
    }
}
