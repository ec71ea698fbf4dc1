using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using TaskTracker.Api.Operators;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>Whether the cache works, found out by using it.</summary>
internal static class CacheStatusEndpoint
{
    public static void MapCacheStatus(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/cache/status", GetCacheStatus).WithName(nameof(GetCacheStatus))
            .WithSummary("Set, get and delete a value; with a token or the operator key also what Redis counts").WithTags("Health").AllowAnonymous();

    private static async Task<CacheStatusResponse> GetCacheStatus(
        CacheCircuit circuit, IServiceProvider services, IOptions<CacheOptions> options, HttpContext context)
    {
        var begun = Stopwatch.GetTimestamp();
        var works = await circuit.TryAsync(() => RoundTripAsync(Redis()), false);
        var latency = Math.Round(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, 3);
        var counts = works && (context.User.Identity is { IsAuthenticated: true } || (await context.AuthenticateAsync(OperatorKey.SchemeName)).Succeeded)
            ? await circuit.TryAsync(() => CountAsync(Redis()), null)
            : null;

        return new CacheStatusResponse(works, (int)options.Value.Default.TotalSeconds, works ? latency : null, counts);

        // Asked for only while the circuit is closed: the connection is there then.
        IDatabase Redis() => services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
    }

    private static async Task<bool> RoundTripAsync(IDatabase redis)
    {
        var (key, value) = ($"tasktracker:status:{Guid.NewGuid():N}", Guid.NewGuid().ToString("N"));
        await redis.StringSetAsync(key, value, TimeSpan.FromSeconds(10));
        var found = await redis.StringGetAsync(key);

        return await redis.KeyDeleteAsync(key) && found == value;
    }

    private static async Task<CacheCounts?> CountAsync(IDatabase redis)
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

/// <summary>How the cache is.</summary>
/// <param name="CacheWorking">Whether a value could be set, read back and deleted.</param>
/// <param name="CacheTtl">How long answers are kept by default, in seconds.</param>
/// <param name="LatencyMs">How long the three took together, in milliseconds; null where they failed.</param>
/// <param name="Counts">What Redis counts, of all replicas together; null without a token or the operator key.</param>
public sealed record CacheStatusResponse(bool CacheWorking, int CacheTtl, double? LatencyMs, CacheCounts? Counts);

/// <summary>What Redis has counted since it was started.</summary>
/// <param name="Hits">Keys that were found.</param>
/// <param name="Misses">Keys that were not.</param>
/// <param name="HitRatio">Hits in all look-ups, from 0 to 1.</param>
/// <param name="Keys">Keys it holds now.</param>
/// <param name="MemoryBytes">The memory it uses.</param>
/// <param name="Evictions">Keys it dropped before their time, for want of memory.</param>
public sealed record CacheCounts(long Hits, long Misses, double HitRatio, long Keys, long MemoryBytes, long Evictions);
