using Quartz;

namespace TaskTracker.Jobs.Statistics;

/// <summary>Runs <see cref="StatisticsRefresh"/>.</summary>
[DisallowConcurrentExecution]
[JobTimeout("00:02:00")]
[RetryPolicy(3, "00:00:01", 2, MaxDelay = "00:00:30", Jitter = 0.2)]
internal sealed class ProcessTaskStatisticsJob(StatisticsRefresh refresh) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var owners = await refresh.RunAsync(cancellationToken);

        context.Result = owners == 0
            ? JobRunReport.Skipped("nobody's tasks had changed")
            : JobRunReport.Succeeded($"{owners} owners counted").With("owners", owners);
    }
}
