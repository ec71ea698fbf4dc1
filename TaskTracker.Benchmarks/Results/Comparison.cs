using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Results;

/// <summary>One side of a comparison.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="MeasureAsync">One round.</param>
/// <param name="Goals">Of a reference: what ours should come to against it.</param>
internal sealed record Contender(string Name, Func<Task<Sample>> MeasureAsync, params Goal[] Goals)
{
    /// <summary>How many rounds it gets, where those of the run would take too long.</summary>
    public int? Rounds { get; init; }
}

/// <summary>Measures several sides in turn, A B A B …, so that whatever else the machine does meets all of them alike.</summary>
internal static class Comparison
{
    /// <summary>Measures.</summary>
    /// <param name="bench">Whose processes are watched meanwhile.</param>
    /// <param name="unit">What the figures mean.</param>
    /// <param name="ours">What is measured; without references its own goals count.</param>
    /// <param name="references">What it is compared with.</param>
    /// <returns>A row for each reference; one without if there is none.</returns>
    public static async Task<IReadOnlyList<Row>> RunAsync(Bench bench, Unit unit, Contender ours, params Contender[] references)
    {
        List<Rounds> sides = [new(ours), .. references.Select(reference => new Rounds(reference))];
        for (var round = 0; round < (ours.Rounds ?? bench.Options.Rounds); round++)
        {
            foreach (var side in sides)
            {
                bench.Cancelled.ThrowIfCancellationRequested();
                await side.MeasureAsync(bench.Meter);
                bench.Say($"  {side.Contender.Name}: {side.Last.Value.ToString(unit.Format, System.Globalization.CultureInfo.InvariantCulture)} {unit.Name}, p99 {side.Last.P99Ms:0.00} ms");
            }
        }

        var measured = sides[0].End();
        return references.Length == 0
            ? [new Row(unit, measured, null, ours.Goals)]
            : [.. sides.Skip(1).Select(side => new Row(unit, measured, side.End(), side.Contender.Goals))];
    }

    private sealed class Rounds(Contender contender)
    {
        private readonly List<Sample> _samples = [];
        private readonly Dictionary<string, double> _cpu = [];
        private readonly Dictionary<string, long> _memory = [];

        public Contender Contender => contender;

        public Sample Last => _samples[^1];

        public async Task MeasureAsync(ProcessMeter meter)
        {
            var before = meter.Read();
            _samples.Add(await contender.MeasureAsync());
            foreach (var (process, usage) in meter.Read())
            {
                _cpu[process] = _cpu.GetValueOrDefault(process) + (usage.Cpu - before.GetValueOrDefault(process).Cpu).TotalSeconds;
                _memory[process] = Math.Max(_memory.GetValueOrDefault(process), usage.Memory);
            }
        }

        public Side End() => new(contender.Name, _samples, _cpu, _memory);
    }
}
