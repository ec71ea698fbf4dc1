using Quartz;

namespace TaskTracker.Jobs.Cleanup;

/// <summary>Runs <see cref="ExpiredData"/>.</summary>
[DisallowConcurrentExecution]
[JobTimeout("01:00:00")]
[RetryPolicy(5, "00:01:00", 2, MaxDelay = "00:30:00", Jitter = 0.2)]
internal sealed class DailyCleanupJob(ExpiredData expired) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var run = await expired.DeleteAsync(cancellationToken);

        context.Result = run.Total == 0
            ? JobRunReport.Skipped("nothing had expired")
            : JobRunReport.Succeeded(
                    $"deleted {run.ExportChunks} MiB of exports, {run.Operations} operations, {run.Notifications} notifications, "
                    + $"{run.RefreshTokens} refresh tokens, {run.IdempotentAnswers} idempotent answers")
                .With("export_chunks", run.ExportChunks)
                .With("operations", run.Operations)
                .With("notifications", run.Notifications)
                .With("refresh_tokens", run.RefreshTokens)
                .With("idempotent_answers", run.IdempotentAnswers);
    }
}
