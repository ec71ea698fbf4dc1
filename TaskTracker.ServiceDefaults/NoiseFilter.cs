using System.Diagnostics;
using OpenTelemetry;

namespace TaskTracker.ServiceDefaults;

/// <summary>Keeps what nobody asked for out of the traces.</summary>
/// <remarks>A processor and not a sampler: operators choose that one with OTEL_TRACES_SAMPLER.</remarks>
internal sealed class NoiseFilter : BaseProcessor<Activity>
{
    public override void OnStart(Activity data)
    {
        if (IsProbe(data) || IsPolling(data) || IsBelowNoise(data))
        {
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            data.IsAllDataRequested = false;
        }
    }

    // A sampler such as always_on does not look at the parent, so this does.
    private static bool IsBelowNoise(Activity span) => span.Parent is { Recorded: false };

    private static bool IsProbe(Activity span) =>
        span.Kind is ActivityKind.Server && span.GetTagItem("url.path") is Health.AlivePath or Health.HealthPath;

    // A trace that begins with a call to a server has no request, no job and no work of ours above it: a scheduler
    // that looks for due triggers, a listening connection kept alive, a cluster node that checks in. HTTP is not used
    // for that, and its flag would silence the other side as well.
    private static bool IsPolling(Activity span) =>
        span.Kind is ActivityKind.Client && span.ParentSpanId == default && span.Source.Name != "System.Net.Http";
}
