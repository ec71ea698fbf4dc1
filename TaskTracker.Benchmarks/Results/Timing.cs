using System.Diagnostics;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Results;

/// <summary>Times one thing after the other, where load would measure the waiting.</summary>
internal static class Timing
{
    private static int s_number;

    /// <summary>A round of milliseconds: the middle one, and percentiles.</summary>
    /// <param name="bench">Says how often.</param>
    /// <param name="prepareAsync">What comes before each time, and is not measured; it gets a number that is new.</param>
    /// <param name="measuredAsync">What is measured.</param>
    public static async Task<Sample> RepeatAsync(Bench bench, Func<int, Task> prepareAsync, Func<Task> measuredAsync)
    {
        List<double> times = [];
        for (var i = 0; i < bench.Options.Repetitions; i++)
        {
            await prepareAsync(++s_number);
            var begun = Stopwatch.GetTimestamp();
            await measuredAsync();
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        times.Sort();
        return new Sample(Percentiles.Median(times), Percentiles.Of(times, 50), Percentiles.Of(times, 99));
    }
}
