using System.Collections.Concurrent;
using System.Diagnostics;

namespace TaskTracker.Tests.Telemetry;

/// <summary>Keeps the spans that end in this process: those of other tests too, so that each looks for its own.</summary>
internal sealed class KeptSpans : IDisposable
{
    private static readonly string[] s_sources = ["Microsoft.AspNetCore", "Npgsql", "Quartz", "TaskTracker"];

    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public KeptSpans()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => s_sources.Contains(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Waits for a span. Its attributes may still change right after its end: ask for all of them here.</summary>
    public Task<Activity> FindAsync(string what, Func<Activity, bool> isIt) => Eventually.GetAsync(
        what, TimeSpan.FromSeconds(30), _ => Task.FromResult(_ended.FirstOrDefault(isIt)));

    public void Dispose() => _listener.Dispose();
}
