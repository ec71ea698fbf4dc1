using System.Diagnostics;
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
            ? await circuit.TryAsync<CacheCounts?>(async () => await CacheCounts.ReadAsync(Redis()), null)
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
}

/// <summary>How the cache is.</summary>
/// <param name="CacheWorking">Whether a value could be set, read back and deleted.</param>
/// <param name="CacheTtl">How long answers are kept by default, in seconds.</param>
/// <param name="LatencyMs">How long the three took together, in milliseconds; null where they failed.</param>
/// <param name="Counts">What Redis counts, of all replicas together; null without a token or the operator key.</param>
public sealed record CacheStatusResponse(bool CacheWorking, int CacheTtl, double? LatencyMs, CacheCounts? Counts);
