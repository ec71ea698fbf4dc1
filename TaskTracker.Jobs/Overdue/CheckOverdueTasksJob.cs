using Quartz;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Jobs.Overdue;

/// <summary>Runs <see cref="OverdueCheck"/>.</summary>
[DisallowConcurrentExecution]
[JobTimeout("00:10:00")]
[RetryPolicy(5, "00:00:30", 2, MaxDelay = "00:10:00", Jitter = 0.2)]
internal sealed class CheckOverdueTasksJob(OverdueCheck check, TaskMetrics metrics) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var run = await check.RunAsync(cancellationToken);
        metrics.RecordOverdue(run.Told);

        context.Result = run.Told == 0
            ? JobRunReport.Skipped($"{run.Overdue} overdue, all of them told before")
            : JobRunReport.Succeeded($"{run.Told} told, {run.Overdue} overdue").With("told", run.Told).With("overdue", run.Overdue);
    }
}
