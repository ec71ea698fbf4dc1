namespace TaskTracker.Benchmarks;

/// <summary>A measurement that would mean nothing, or cannot be made here; the message is one sentence that says why.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
