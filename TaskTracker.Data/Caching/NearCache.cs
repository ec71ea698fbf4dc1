using Microsoft.Extensions.Caching.Memory;

namespace TaskTracker.Data.Caching;

/// <summary>
/// What this process had in its hands a moment ago, before Redis or a key is asked again. Only for values that stay the same
/// under their key, such as an owner's answers under their version: a write is seen here at once because it changes the
/// version, which is asked for each time.
/// </summary>
public sealed class NearCache : IDisposable
{
    /// <summary>How long a value is kept at most. It adds to the lifetime that Redis counts, so it is short.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(10);

    private const long Capacity = 64 * 1024 * 1024;

    private readonly MemoryCache _values = new(new MemoryCacheOptions { SizeLimit = Capacity });

    /// <summary>Finds a value.</summary>
    /// <param name="key">The value's key.</param>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <returns>The value, or null.</returns>
    public T? Find<T>(ReadOnlySpan<char> key) where T : class => _values.TryGetValue(key, out var value) ? value as T : null;

    /// <summary>Keeps a value, or not where there is no room.</summary>
    /// <param name="key">The value's key.</param>
    /// <param name="value">The value; nobody may change it any more.</param>
    /// <param name="size">How many bytes it takes, about.</param>
    /// <param name="life">How long it is right.</param>
    public void Keep(string key, object value, int size, TimeSpan life)
    {
        using var entry = _values.CreateEntry(key);
        entry.Value = value;
        entry.Size = size + (2 * key.Length);
        entry.AbsoluteExpirationRelativeToNow = life < Life ? life : Life;
    }

    /// <inheritdoc />
    public void Dispose() => _values.Dispose();
}
