using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace TaskTracker.Data.Caching;

/// <summary>Shows in metrics how often the cache is asked, what it answers and how long that takes, by kind of entry.</summary>
public sealed class CacheMetrics
{
    private readonly Counter<long> _lookups;
    private readonly Histogram<double> _duration;
    private volatile CacheCounts? _server;

    /// <summary>Creates the instruments.</summary>
    /// <param name="meters">Where they are registered.</param>
    public CacheMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(TaskTrackerSource.Name);
        _lookups = meter.CreateCounter<long>(
            "tasktracker.cache.lookups", "{lookup}", "Look-ups by kind of entry and result; a bypass did not ask, for a write was under way or Redis away.");
        _duration = meter.CreateHistogram<double>(
            "tasktracker.cache.lookup.duration", "s", "From the question to the answer, by kind of entry and result; a miss includes making the answer.");
        meter.CreateObservableCounter(
            "tasktracker.cache.evictions", () => OfServer(counts => counts.Evictions), "{key}", "Keys that Redis dropped before their time, for want of memory.");
        meter.CreateObservableUpDownCounter("tasktracker.cache.keys", () => OfServer(counts => counts.Keys), "{key}", "Keys that Redis holds.");
        meter.CreateObservableUpDownCounter("tasktracker.cache.memory", () => OfServer(counts => counts.MemoryBytes), "By", "Memory that Redis uses.");
    }

    /// <summary>Records an answer that was found.</summary>
    /// <param name="kind">The kind of entry, one of a few words.</param>
    /// <param name="asked">When it was asked for, as <see cref="Stopwatch.GetTimestamp"/> tells it.</param>
    public void Hit(string kind, long asked) => Record(kind, "hit", asked);

    /// <summary>Records an answer that had to be made.</summary>
    /// <param name="kind">The kind of entry, one of a few words.</param>
    /// <param name="asked">When it was asked for, as <see cref="Stopwatch.GetTimestamp"/> tells it.</param>
    public void Miss(string kind, long asked) => Record(kind, "miss", asked);

    /// <summary>Records that the cache could not be used.</summary>
    /// <param name="kind">The kind of entry, one of a few words.</param>
    public void Bypass(string kind) => _lookups.Add(1, Tags(kind, "bypass"));

    /// <summary>Takes over what Redis counts, which is the same for all replicas.</summary>
    /// <param name="counts">The counts; null where it does not answer, and then nothing is shown.</param>
    public void RecordServer(CacheCounts? counts) => _server = counts;

    private IEnumerable<Measurement<long>> OfServer(Func<CacheCounts, long> count) => _server is { } server ? [new(count(server))] : [];

    private void Record(string kind, string result, long asked)
    {
        var tags = Tags(kind, result);
        _lookups.Add(1, tags);
        _duration.Record(Stopwatch.GetElapsedTime(asked).TotalSeconds, tags);
    }

    private static TagList Tags(string kind, string result) => new() { { "kind", kind }, { "result", result } };
}
