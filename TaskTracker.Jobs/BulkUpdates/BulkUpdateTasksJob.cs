using Quartz;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Operations;

namespace TaskTracker.Jobs.BulkUpdates;

/// <summary>Runs <see cref="BulkUpdate"/>. The runner limits its time, so that running out of it is told in the operation's row.</summary>
[JobTimeout("00:00:00")]
[RetryPolicy(3, "00:00:01", 2, MaxDelay = "00:00:30", Jitter = 0.2)]
internal sealed class BulkUpdateTasksJob(OperationRunner runner, BulkUpdate update) : IJob<OperationFiring>
{
    public async ValueTask Execute(IJobExecutionContext context, OperationFiring input, CancellationToken cancellationToken = default) =>
        await runner.RunAsync(context, input, update, cancellationToken);
}
