using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks;

/// <summary>One thing that is measured.</summary>
/// <param name="Name">What <c>--only</c> calls it.</param>
/// <param name="Title">What the table calls it.</param>
/// <param name="RunAsync">Measures it, in rounds that alternate with its references (<see cref="Comparison"/>): a row for each of them.</param>
internal sealed record Scenario(string Name, string Title, Func<Bench, Task<IReadOnlyList<Row>>> RunAsync);
