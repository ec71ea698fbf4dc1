using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace TaskTracker.Data.Caching;

/// <summary>
/// Values by key in Redis, for code. Without Redis nothing is found and nothing fails. A value that belongs to an owner is
/// kept under a key with that owner's version (<see cref="OwnerVersions"/>): then writes need not delete it.
/// </summary>
/// <param name="circuit">Whether Redis is in use.</param>
/// <param name="services">Where the connection comes from.</param>
/// <param name="clock">The clock of the lifetimes.</param>
/// <param name="metrics">Told of look-ups; a key's part before its first colon is its kind.</param>
/// <param name="near">Keeps what was made once and for all.</param>
public sealed class TypedCache(CacheCircuit circuit, IServiceProvider services, TimeProvider clock, CacheMetrics metrics, NearCache near)
{
    private const string Prefix = "tasktracker:value:";

    // What is kept here are numbers and texts of some words.
    private const int EntrySize = 1_000;

    private readonly ConcurrentDictionary<string, Lazy<Task<object>>> _making = new();

    /// <summary>Finds a value.</summary>
    /// <param name="key">The value's key.</param>
    /// <typeparam name="T">The value's type, which JSON can hold.</typeparam>
    /// <returns>The value, or the type's default where there is none, or none that can be read as this type.</returns>
    public async ValueTask<T?> GetAsync<T>(string key) => await FindAsync<T>(key) is { } entry ? entry.Value : default;

    /// <summary>Keeps a value.</summary>
    /// <param name="key">The value's key.</param>
    /// <param name="value">The value.</param>
    /// <param name="lifetime">How long, from now; nothing is kept for zero or less.</param>
    /// <typeparam name="T">The value's type, which JSON can hold.</typeparam>
    /// <returns>A task that ends when it is kept, or when Redis has failed.</returns>
    public ValueTask SetAsync<T>(string key, T value, TimeSpan lifetime) => KeepAsync(key, new Entry<T>(value, clock.GetUtcNow() + lifetime));

    /// <summary>
    /// Finds a value, or makes and keeps it: the same under this key for ever, or until it is no longer right. Of many who ask
    /// at once in this process one makes it and all get it; who made it may leave without harm, for it is made in a scope of
    /// its own.
    /// </summary>
    /// <param name="key">The value's key.</param>
    /// <param name="create">Makes the value and says until when it is right; it gets services of its own.</param>
    /// <param name="cancellationToken">Ends this caller's wait.</param>
    /// <typeparam name="T">The value's type, which JSON can hold.</typeparam>
    /// <returns>A value that is right now.</returns>
    public async Task<T> GetOrCreateAsync<T>(
        string key, Func<IServiceProvider, CancellationToken, Task<(T Value, DateTimeOffset Until)>> create, CancellationToken cancellationToken)
        where T : notnull
    {
        var (begun, kind) = (Stopwatch.GetTimestamp(), key.Split(':', 2)[0]);
        while (true)
        {
            if (near.Find<Entry<T>>(key) is { } known && known.Until > clock.GetUtcNow())
            {
                metrics.Hit(kind, begun);
                return known.Value;
            }

            if (await FindAsync<T>(key) is { } found)
            {
                near.Keep(key, found, EntrySize, NearCache.Life);
                metrics.Hit(kind, begun);
                return found.Value;
            }

            var asked = clock.GetUtcNow();
            var making = _making.GetOrAdd(key, _ => new Lazy<Task<object>>(() => Task.Run(() => MakeAsync(key, create), CancellationToken.None)));
            var made = (Entry<T>)await making.Value.WaitAsync(cancellationToken);

            // One that was begun before this caller came may have ended its time by now.
            if (made.Until > clock.GetUtcNow() || made.MadeAt >= asked)
            {
                metrics.Miss(kind, begun);
                return made.Value;
            }
        }
    }

    private async Task<object> MakeAsync<T>(string key, Func<IServiceProvider, CancellationToken, Task<(T Value, DateTimeOffset Until)>> create)
    {
        using var limit = new CancellationTokenSource(OwnerTransaction.Limit);
        try
        {
            await using var scope = services.CreateAsyncScope();
            var madeAt = clock.GetUtcNow();
            var (value, until) = await create(scope.ServiceProvider, limit.Token);
            var entry = new Entry<T>(value, until) { MadeAt = madeAt };
            await KeepAsync(key, entry);

            return entry;
        }
        finally
        {
            _making.TryRemove(key, out _);
        }
    }

    private async ValueTask<Entry<T>?> FindAsync<T>(string key)
    {
        if (await circuit.TryAsync(async () => (byte[]?)await Redis().StringGetAsync(Prefix + key), null) is not { } json)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<Entry<T>>(json) is { } entry && entry.Until > clock.GetUtcNow() ? entry : null;
        }
        catch (JsonException)
        {
            // An earlier version of the program kept it in another shape.
            return null;
        }
    }

    private async ValueTask KeepAsync<T>(string key, Entry<T> entry)
    {
        var lifetime = entry.Until - clock.GetUtcNow();
        if (lifetime > TimeSpan.FromMilliseconds(1))
        {
            await circuit.TryAsync(() => Redis().StringSetAsync(Prefix + key, JsonSerializer.SerializeToUtf8Bytes(entry), lifetime), false);
        }
    }

    // Asked for only while the circuit is closed: the connection is there then.
    private IDatabase Redis() => services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

    // Redis counts from when it hears of the value, which may be late: the end itself goes with it.
    private sealed record Entry<T>(T Value, DateTimeOffset Until)
    {
        [System.Text.Json.Serialization.JsonIgnore]
        public DateTimeOffset MadeAt { get; init; }
    }
}
