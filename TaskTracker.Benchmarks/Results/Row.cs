namespace TaskTracker.Benchmarks.Results;

/// <summary>What figures mean.</summary>
/// <param name="Name">The unit.</param>
/// <param name="Format">How a figure is written.</param>
internal sealed record Unit(string Name, string Format)
{
    public static readonly Unit PerSecond = new("1/s", "N0");
    public static readonly Unit Seconds = new("s", "0.000");
    public static readonly Unit Milliseconds = new("ms", "0.00");
}

/// <summary>What a row should come to.</summary>
/// <param name="Text">The goal, as the table shows it.</param>
/// <param name="IsReached">Whether a row reaches it.</param>
internal sealed record Goal(string Text, Func<Row, bool> IsReached)
{
    /// <summary>For figures that are better when higher.</summary>
    public static Goal RatioAtLeast(double ratio) => new($"≥ {ratio:0.##}", row => row.Ratio >= ratio);

    /// <summary>For figures that are better when lower.</summary>
    public static Goal RatioAtMost(double ratio) => new($"≤ {ratio:0.##}", row => row.Ratio <= ratio);

    /// <summary>The slowest of a hundred requests, against the reference's.</summary>
    public static Goal TailAtMost(double times) => new($"p99 ≤ {times:0.##} ×", row => row.P99 <= times * row.ReferenceP99);
}

/// <summary>What one side did in all its rounds.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Samples">A figure for each round.</param>
/// <param name="Cpu">The processor seconds of each process in all rounds together.</param>
/// <param name="Memory">The most memory of each process after a round, in bytes.</param>
internal sealed record Side(string Name, IReadOnlyList<Sample> Samples, IReadOnlyDictionary<string, double> Cpu, IReadOnlyDictionary<string, long> Memory)
{
    /// <summary>The figure of a typical round.</summary>
    public double Value => Percentiles.Median(Samples.Select(sample => sample.Value));

    public double? P50 => MedianOf(sample => sample.P50Ms);

    public double? P99 => MedianOf(sample => sample.P99Ms);

    private double? MedianOf(Func<Sample, double?> figure) =>
        Samples.Select(figure).OfType<double>().ToList() is { Count: > 0 } figures ? Percentiles.Median(figures) : null;
}

/// <summary>A row of the table.</summary>
/// <param name="Unit">What the figures mean.</param>
/// <param name="Ours">What was measured.</param>
/// <param name="Reference">What it is compared with, round by round; null where there is no such thing.</param>
/// <param name="Goals">What it should come to.</param>
/// <param name="Note">What the reader should know beside it.</param>
internal sealed record Row(Unit Unit, Side Ours, Side? Reference, IReadOnlyList<Goal> Goals, string? Note = null)
{
    /// <summary>Ours to the reference's in each pair of rounds.</summary>
    public IReadOnlyList<double> Ratios => Reference is null ? [] : [.. Ours.Samples.Zip(Reference.Samples, (ours, reference) => ours.Value / reference.Value)];

    /// <summary>The middle of <see cref="Ratios"/>.</summary>
    public double? Ratio => Reference is null ? null : Percentiles.Median(Ratios);

    public double? P99 => Ours.P99;

    public double? ReferenceP99 => Reference?.P99;
}
