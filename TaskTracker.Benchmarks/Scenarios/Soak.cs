using System.Diagnostics;
using TaskTracker.Benchmarks.Load;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Scenarios;

/// <summary>Keeps the system at half of its greatest load for a long time: nothing may fail, and memory may not grow.</summary>
internal static class Soak
{
    private const double Growth = 1.1;

    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(5);

    public static Scenario Scenario { get; } = new("soak", "half of the greatest load, mixed", RunAsync);

    private static async Task<IReadOnlyList<Row>> RunAsync(Bench bench)
    {
        var load = await HttpScenarios.MixAsync(bench);
        await bench.Wrk.RunAsync(load, RunOptions.Clients, bench.Options.Round, bench.Cancelled);
        var greatest = await bench.Wrk.RunAsync(load, RunOptions.Clients, bench.Options.Round, bench.Cancelled);
        var paced = new PacedLoad(load, greatest.Value / 2);
        bench.Say($"  the greatest load is {greatest.Value:N0} requests a second; half of that for {bench.Options.Soak} ...");

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(bench.Cancelled);
        var sending = paced.RunAsync(enough.Token);
        List<Sample> samples = [];
        List<IReadOnlyDictionary<string, Usage>> usages = [bench.Meter.Read()];
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < bench.Options.Soak;)
        {
            var asked = Stopwatch.GetTimestamp();
            await Task.Delay(s_lookEvery, bench.Cancelled);
            var times = paced.TakeTimes();
            times.Sort();
            if (paced.Errors > 0 || times.Count == 0)
            {
                throw new BenchmarkException($"{paced.Errors} requests were refused or broke after {Stopwatch.GetElapsedTime(begun)}.");
            }

            samples.Add(new(times.Count / Stopwatch.GetElapsedTime(asked).TotalSeconds, Percentiles.Of(times, 50), Percentiles.Of(times, 99)));
            usages.Add(bench.Meter.Read());
        }

        await enough.CancelAsync();
        await sending;

        // What caches and pools take at the beginning is no growth.
        var settled = usages[(usages.Count / 4)..];
        Dictionary<string, (double Early, double Late)> memory = usages[^1].Keys.ToDictionary(
            process => process, process => (Typical(process, settled[..(settled.Count / 3)]), Typical(process, settled[^(settled.Count / 3)..])));
        foreach (var (process, (early, late)) in memory)
        {
            bench.Say($"  {process}: {early:N0} MB early, {late:N0} MB late");
        }

        return
        [
            new(
                Unit.PerSecond,
                new(
                    $"API and jobs, {bench.Options.Soak!.Value.TotalMinutes:0.#} minutes",
                    samples,
                    usages[^1].ToDictionary(usage => usage.Key, usage => (usage.Value.Cpu - usages[0].GetValueOrDefault(usage.Key).Cpu).TotalSeconds),
                    usages[^1].Keys.ToDictionary(process => process, process => usages.Max(usage => usage.GetValueOrDefault(process).Memory))),
                null,
                [
                    new("no error", _ => paced.Errors == 0),
                    .. ((string[])["api", "jobs"]).Select(process => new Goal(
                        $"{process} {memory[process].Early:0} → {memory[process].Late:0} MB, at most {Growth:0.0} ×", _ => memory[process].Late <= Growth * memory[process].Early)),
                ]),
        ];
    }

    private static double Typical(string process, IEnumerable<IReadOnlyDictionary<string, Usage>> usages) =>
        Percentiles.Median(usages.Select(usage => (double)usage.GetValueOrDefault(process).Memory)) / (1 << 20);
}
