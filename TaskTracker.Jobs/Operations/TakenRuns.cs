using System.Diagnostics;
using System.Text.Json;
using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// Shows runs that no firing of their own brought as Quartz shows the others: each has a span of its own, named by its job and
/// linked to its request, and a line in the history.
/// </summary>
internal sealed class TakenRuns(IExecutionHistoryStore history, TimeProvider clock)
{
    /// <summary>Begins a run, whose span is current until it is disposed.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="number">Which one of its firing, from one.</param>
    public TakenRun Begin(OperationAttempt attempt, int number)
    {
        var operation = attempt.Operation;
        var job = JobKeys.Of(operation.Kind);

        // A trace of its own, not a part of the firing's.
        Activity.Current = null;
        ActivityLink[] links = ActivityContext.TryParse(operation.TraceParent, null, out var request) ? [new(request)] : [];
        var span = TaskTrackerSource.Activities.StartActivity(job.Name, ActivityKind.Internal, default(ActivityContext), links: links);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("tasktracker.job.attempt", 1);
            span.SetTag("tasktracker.job.recovering", false);
            span.SetTag("tasktracker.job.due_at", operation.CreatedAt.ToString("O"));
            span.SetTag("tasktracker.job.start_delay", (clock.GetUtcNow() - operation.CreatedAt).TotalSeconds);
            foreach (var link in links)
            {
                span.SetTag("tasktracker.origin.trace_id", link.Context.TraceId.ToString());
            }
        }

        return new(attempt, $"{attempt.Context.FireInstanceId}~{number}", span, history, clock);
    }
}

/// <summary>A run that is under way, or has ended.</summary>
internal sealed class TakenRun(OperationAttempt attempt, string id, Activity? span, IExecutionHistoryStore history, TimeProvider clock) : IAsyncDisposable
{
    private readonly DateTimeOffset _begunAt = clock.GetUtcNow();
    private readonly long _begun = clock.GetTimestamp();
    private JobRunResult _result = JobRunResult.Cancelled;
    private JobRunReport? _report;
    private string? _error;
    private bool _willRetry;

    public void End(JobRunReport report)
    {
        (_result, _report) = (report.Result, report);
        span?.SetTag("tasktracker.job.summary", report.Summary);
    }

    public void EndCancelled() => _result = JobRunResult.Cancelled;

    public void EndFailed(Exception exception, bool willRetry)
    {
        (_result, _error, _willRetry) = (JobRunResult.Failed, exception.Message, willRetry);
        span?.AddException(exception);
        span?.SetStatus(ActivityStatusCode.Error, exception.Message);
    }

    public async ValueTask DisposeAsync()
    {
        var (operation, scheduler) = (attempt.Operation, attempt.Context.Scheduler);
        var (job, trigger) = (JobKeys.Of(operation.Kind), OperationTriggers.KeyOf(operation.Id, operation.Kind));
        span?.Dispose();
        await history.AddExecution(new ExecutionHistoryEntry(
            scheduler.SchedulerName,
            scheduler.SchedulerInstanceId,
            job.Group,
            job.Name,
            trigger.Group,
            trigger.Name,
            _begunAt,
            clock.GetElapsedTime(_begun),
            _result is JobRunResult.Succeeded or JobRunResult.Skipped,
            _error)
        {
            FireInstanceId = id,
            Input = JsonSerializer.Serialize(new OperationFiring(operation.Id)),
            Manual = false,
            MetricsJson = _report is { Metrics.Count: > 0 } ? JsonSerializer.Serialize(_report.Metrics) : null,
            Result = _result,
            RetryScheduled = _willRetry,
            Summary = _report?.Summary,
        });
    }
}
