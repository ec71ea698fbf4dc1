using System.Globalization;
using StackExchange.Redis;

namespace TaskTracker.Data.Caching;

/// <summary>What Redis has counted since it was started, of all replicas together.</summary>
/// <param name="Hits">Keys that were found.</param>
/// <param name="Misses">Keys that were not.</param>
/// <param name="HitRatio">Hits in all look-ups, from 0 to 1.</param>
/// <param name="Keys">Keys it holds now.</param>
/// <param name="MemoryBytes">The memory it uses.</param>
/// <param name="Evictions">Keys it dropped before their time, for want of memory.</param>
public sealed record CacheCounts(long Hits, long Misses, double HitRatio, long Keys, long MemoryBytes, long Evictions)
{
    /// <summary>Asks Redis.</summary>
    /// <param name="redis">The server.</param>
    /// <returns>What it counts.</returns>
    public static async Task<CacheCounts> ReadAsync(IDatabase redis)
    {
        var keys = (long)await redis.ExecuteAsync("DBSIZE");
        var facts = ((string?)await redis.ExecuteAsync("INFO") ?? "")
            .Split('\n', StringSplitOptions.TrimEntries)
            .Select(line => line.Split(':', 2))
            .Where(parts => parts.Length == 2)
            .ToLookup(parts => parts[0], parts => parts[1]);
        var (hits, misses) = (Number("keyspace_hits"), Number("keyspace_misses"));

        return new CacheCounts(hits, misses, hits + misses == 0 ? 0 : Math.Round((double)hits / (hits + misses), 4), keys, Number("used_memory"), Number("evicted_keys"));

        long Number(string name) => long.TryParse(facts[name].FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }
}
