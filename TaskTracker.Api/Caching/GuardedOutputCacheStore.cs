using Microsoft.AspNetCore.OutputCaching;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>The output cache's store behind the circuit: without Redis nothing is found, and nothing fails.</summary>
internal sealed class GuardedOutputCacheStore(IOutputCacheStore store, CacheCircuit circuit) : IOutputCacheStore
{
    // A client that goes away must not look like a Redis that does: its token stays outside.
    public ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellationToken) =>
        circuit.TryAsync(() => store.GetAsync(key, CancellationToken.None).AsTask(), null);

    public async ValueTask SetAsync(string key, byte[] value, string[]? tags, TimeSpan validFor, CancellationToken cancellationToken) =>
        await circuit.TryAsync(() => Done(store.SetAsync(key, value, tags, validFor, CancellationToken.None)), false);

    public async ValueTask EvictByTagAsync(string tag, CancellationToken cancellationToken) =>
        await circuit.TryAsync(() => Done(store.EvictByTagAsync(tag, CancellationToken.None)), false);

    private static async Task<bool> Done(ValueTask work)
    {
        await work;
        return true;
    }
}
