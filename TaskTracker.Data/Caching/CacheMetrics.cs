using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace TaskTracker.Data.Caching;

/// <summary>Shows in metrics how often the cache is asked, what it answers and how long that takes, by kind of entry.</summary>
public sealed class CacheMetrics
{
    private const string MeterName = "TaskTracker";

    private readonly Counter<long> _lookups;
    private readonly Histogram<double> _duration;

    /// <summary>Creates the instruments.</summary>
    /// <param name="meters">Where they are registered.</param>
    public CacheMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _lookups = meter.CreateCounter<long>(
            "tasktracker.cache.lookups", "{lookup}", "Look-ups by kind of entry and result; a bypass did not ask, for a write was under way or Redis away.");
        _duration = meter.CreateHistogram<double>(
            "tasktracker.cache.lookup.duration", "s", "From the question to the answer, by kind of entry and result; a miss includes making the answer.");
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

    private void Record(string kind, string result, long asked)
    {
        var tags = Tags(kind, result);
        _lookups.Add(1, tags);
        _duration.Record(Stopwatch.GetElapsedTime(asked).TotalSeconds, tags);
    }

    private static TagList Tags(string kind, string result) => new() { { "kind", kind }, { "result", result } };
}
