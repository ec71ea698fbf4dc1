using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>The work of one kind of operation. It writes through <see cref="OperationLedger"/>, and may be begun again at any time.</summary>
internal interface IOperationWork
{
    /// <summary>Which kind of operation it is the work of.</summary>
    OperationKind Kind { get; }

    /// <summary>
    /// Does the work, or what an earlier attempt has left of it, and completes the operation with its last write: neither is
    /// there without the other, and together they cost one commit.
    /// </summary>
    /// <param name="run">The operation, as this attempt found it.</param>
    /// <param name="report">Told the percentage that is done.</param>
    /// <param name="cancellationToken">Ends the attempt; what is half done then is undone.</param>
    Task<OperationOutcome> RunAsync(Operation run, Action<int> report, CancellationToken cancellationToken);
}
