using Quartz;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>An attempt at an operation.</summary>
/// <param name="Operation">The operation, as the attempt found it.</param>
/// <param name="Work">What does it.</param>
/// <param name="Context">The firing that makes it, which makes others after it.</param>
/// <param name="IsLast">Whether nobody tries again if it fails.</param>
/// <param name="Stop">Stops this attempt and no other of the firing.</param>
internal sealed record OperationAttempt(
    Operation Operation, IOperationWork Work, IJobExecutionContext Context, bool IsLast, CancellationTokenSource Stop);
