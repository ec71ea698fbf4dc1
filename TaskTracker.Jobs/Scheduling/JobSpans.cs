using System.Diagnostics;
using Quartz;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>
/// Makes the span of a run readable by itself: named by its job, with what was due when and, where a request asked for
/// it, that request's trace, which may be long forgotten when the run is looked at.
/// </summary>
internal sealed class JobSpans(TimeProvider clock) : IJobExecutionMiddleware
{
    public async ValueTask Invoke(IJobExecutionContext context, JobExecutionDelegate next, CancellationToken cancellationToken = default)
    {
        var span = Activity.Current;
        if (span is { IsAllDataRequested: true })
        {
            span.DisplayName = context.JobDetail.Key.Name;
            span.SetTag("tasktracker.job.attempt", context.RetryAttempt + 1);
            span.SetTag("tasktracker.job.recovering", context.Recovering);
            if (context.ScheduledFireTimeUtc is { } due)
            {
                span.SetTag("tasktracker.job.due_at", due.ToString("O"));
                span.SetTag("tasktracker.job.start_delay", (clock.GetUtcNow() - due).TotalSeconds);
            }

            foreach (var link in span.Links.Take(1))
            {
                span.SetTag("tasktracker.origin.trace_id", link.Context.TraceId.ToString());
            }
        }

        try
        {
            await next(context, cancellationToken);
            span?.SetTag("tasktracker.job.summary", (context.Result as JobRunReport)?.Summary);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            span?.AddException(exception);
            span?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }
    }
}
