using System.Collections.Concurrent;

namespace TaskTracker.Jobs.Operations;

/// <summary>The operations that this process is at work on, so that a cancellation stops the right one at once.</summary>
internal sealed class RunningOperations
{
    private readonly ConcurrentDictionary<Guid, OperationAttempt> _attempts = new();

    /// <summary>The attempts that are under way.</summary>
    public IReadOnlyCollection<OperationAttempt> Attempts => [.. _attempts.Values];

    /// <summary>Keeps an attempt until the result is disposed.</summary>
    public IDisposable Add(OperationAttempt attempt)
    {
        _attempts[attempt.Operation.Id] = attempt;
        return new Registration(this, KeyValuePair.Create(attempt.Operation.Id, attempt));
    }

    /// <summary>Stops the attempt at an operation, if there is one here.</summary>
    public Task StopAsync(Guid operation) => _attempts.TryGetValue(operation, out var attempt) ? StopAsync(attempt) : Task.CompletedTask;

    /// <summary>Stops an attempt, unless it has ended.</summary>
    public static async Task StopAsync(OperationAttempt attempt)
    {
        try
        {
            await attempt.Stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    private sealed class Registration(RunningOperations owner, KeyValuePair<Guid, OperationAttempt> attempt) : IDisposable
    {
        public void Dispose() => owner._attempts.TryRemove(attempt);
    }
}
