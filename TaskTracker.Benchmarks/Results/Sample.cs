namespace TaskTracker.Benchmarks.Results;

/// <summary>What one round of one side came to.</summary>
/// <param name="Value">The figure that is compared, in the row's unit.</param>
/// <param name="P50Ms">Half of the requests took at most so many milliseconds.</param>
/// <param name="P99Ms">99 of 100 requests took at most so many milliseconds.</param>
/// <param name="GeneratorCpuSeconds">The processor time of whoever made the load.</param>
internal sealed record Sample(double Value, double? P50Ms = null, double? P99Ms = null, double? GeneratorCpuSeconds = null);

/// <summary>Percentiles of sorted figures.</summary>
internal static class Percentiles
{
    /// <summary>The smallest figure that so many of a hundred do not exceed.</summary>
    /// <param name="sorted">At least one figure, the lowest first.</param>
    /// <param name="percent">From 0 to 100.</param>
    public static double Of(IReadOnlyList<double> sorted, double percent) =>
        sorted[Math.Clamp((int)Math.Ceiling(sorted.Count * percent / 100) - 1, 0, sorted.Count - 1)];

    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> figures)
    {
        List<double> sorted = [.. figures.Order()];
        var middle = sorted.Count / 2;

        return sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
