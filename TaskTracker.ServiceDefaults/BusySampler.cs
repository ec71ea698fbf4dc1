using OpenTelemetry.Trace;

namespace TaskTracker.ServiceDefaults;

/// <summary>
/// Records every trace while they are few, and of many no more in a second than somebody could look at: a busy service must
/// not spend on traces what it needs for its work. Metrics count everything all the same.
/// </summary>
/// <remarks>Operators choose another with OTEL_TRACES_SAMPLER, such as <c>parentbased_always_on</c>.</remarks>
internal sealed class BusySampler(TimeProvider clock) : Sampler
{
    /// <summary>How many traces each replica begins to record in a second.</summary>
    public const int PerSecond = 50;

    private long _second;
    private int _begun;

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
    {
        // Two threads that see a second begin may begin a trace more than they should, which does no harm.
        var second = clock.GetTimestamp() / clock.TimestampFrequency;
        if (Interlocked.Exchange(ref _second, second) != second)
        {
            Volatile.Write(ref _begun, 0);
        }

        return new(Interlocked.Increment(ref _begun) <= PerSecond ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
    }
}
