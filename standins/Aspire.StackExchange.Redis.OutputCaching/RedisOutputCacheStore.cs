using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;

namespace Microsoft.AspNetCore.OutputCaching.StackExchangeRedis;

/// <summary>
/// Output cache entries as strings that expire, and per tag a sorted set of the entries' keys by the time they expire
/// (milliseconds since 1970). Key names are those of the official store.
/// </summary>
internal sealed class RedisOutputCacheStore(IServiceProvider services) : IOutputCacheStore
{
    /// <summary>How many entries one round of an eviction removes, so that no command holds the server up.</summary>
    internal const int EvictionBatch = 500;

    // Each use of a tag drops the members that have expired, and the set itself lives as long as its longest member:
    // nothing is left behind, and no sweep is needed.
    private const string AddToTag = """
        redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
        redis.call('PEXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
        """;

    public async ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        return await Limit(Database.StringGetAsync(ValueKey(key)), cancellationToken);
    }

    public async ValueTask SetAsync(
        string key, byte[] value, string[]? tags, TimeSpan validFor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);

        var now = TimeProvider.System.GetUtcNow();
        var expires = (now + validFor).ToUnixTimeMilliseconds();

        // Tags first: an entry that its tag does not know of could never be evicted.
        await Limit(
            Task.WhenAll((tags ?? []).Select(tag => Database.ScriptEvaluateAsync(
                AddToTag, [TagKey(tag)], [expires, key, now.ToUnixTimeMilliseconds()], CommandFlags.NoScriptCache))),
            cancellationToken);
        await Limit(Database.StringSetAsync(ValueKey(key), value, validFor), cancellationToken);
    }

    public async ValueTask EvictByTagAsync(string tag, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tag);

        while (await Limit(Database.SortedSetRangeByRankAsync(TagKey(tag), 0, EvictionBatch - 1), cancellationToken) is { Length: > 0 } keys)
        {
            await Limit(Database.KeyDeleteAsync([.. keys.Select(key => ValueKey((string)key!))]), cancellationToken);
            await Limit(Database.SortedSetRemoveAsync(TagKey(tag), keys), cancellationToken);
        }
    }

    private static RedisKey ValueKey(string key) => "__MSOCV_" + key;

    private static RedisKey TagKey(string tag) => "__MSOCT_" + tag;

    // Asked for at the first use: the middleware creates its store at the start, which must not wait for Redis.
    private IConnectionMultiplexer Connection => services.GetRequiredService<IConnectionMultiplexer>();

    private IDatabase Database => Connection.GetDatabase();

    // 1.2.6 does not limit its asynchronous calls by itself.
    private Task<T> Limit<T>(Task<T> call, CancellationToken cancellationToken) =>
        call.WaitAsync(TimeSpan.FromMilliseconds(Connection.TimeoutMilliseconds), cancellationToken);
}
