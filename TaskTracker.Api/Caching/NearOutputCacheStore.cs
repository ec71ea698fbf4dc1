using Microsoft.AspNetCore.OutputCaching;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>The output cache's store with what this process has found or made a moment ago in front of it.</summary>
internal sealed class NearOutputCacheStore(IOutputCacheStore store, NearCache near) : IOutputCacheStore
{
    public ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellationToken) =>
        near.Find<byte[]>(key) is { } value ? new(value) : FindAsync(key, cancellationToken);

    public ValueTask SetAsync(string key, byte[] value, string[]? tags, TimeSpan validFor, CancellationToken cancellationToken)
    {
        near.Keep(key, value, value.Length, validFor);
        return store.SetAsync(key, value, tags, validFor, cancellationToken);
    }

    public ValueTask EvictByTagAsync(string tag, CancellationToken cancellationToken) => store.EvictByTagAsync(tag, cancellationToken);

    private async ValueTask<byte[]?> FindAsync(string key, CancellationToken cancellationToken)
    {
        var value = await store.GetAsync(key, cancellationToken);
        if (value is not null)
        {
            near.Keep(key, value, value.Length, NearCache.Life);
        }

        return value;
    }
}
