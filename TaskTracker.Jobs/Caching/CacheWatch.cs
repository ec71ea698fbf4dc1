using StackExchange.Redis;
using TaskTracker.Data.Caching;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Caching;

/// <summary>Shows in metrics what Redis itself counts: what it had to drop is seen nowhere else.</summary>
internal sealed class CacheWatch(CacheCircuit circuit, CacheMetrics metrics, IServiceProvider services, TimeProvider clock, ILogger<CacheWatch> logger)
    : Watch("what the cache counts", s_interval, clock, logger)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(15);

    // The connection is asked for only while the circuit is closed: it is there then.
    public override async Task LookAsync(CancellationToken cancellationToken) => metrics.RecordServer(await circuit.TryAsync<CacheCounts?>(
        async () => await CacheCounts.ReadAsync(services.GetRequiredService<IConnectionMultiplexer>().GetDatabase()), null));
}
