using OpenTelemetry.Trace;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public sealed class BusySamplerTests
{
    [Fact]
    public void All_traces_are_recorded_while_they_are_few_and_some_of_many()
    {
        var clock = new SteppingClock();
        var sampler = new BusySampler(clock);

        Assert.Equal(BusySampler.PerSecond, CountRecorded(1_000));
        clock.Seconds++;
        Assert.Equal(10, CountRecorded(10));
        clock.Seconds++;
        Assert.Equal(BusySampler.PerSecond, CountRecorded(1_000));

        int CountRecorded(int traces) => Enumerable.Range(0, traces).Count(_ =>
            sampler.ShouldSample(default).Decision == SamplingDecision.RecordAndSample);
    }

    private sealed class SteppingClock : TimeProvider
    {
        public long Seconds { get; set; } = 1;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => (Seconds * TimestampFrequency) + 1;
    }
}
