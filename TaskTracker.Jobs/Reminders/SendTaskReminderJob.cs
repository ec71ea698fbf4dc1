using Quartz;

namespace TaskTracker.Jobs.Reminders;

/// <summary>
/// Runs <see cref="ReminderDelivery"/>. Several runs may overlap, on one node or more: each row is claimed by one of them.
/// </summary>
[JobTimeout("00:02:00")]
internal sealed class SendTaskReminderJob(ReminderDelivery delivery, ReminderWake wake) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var run = await delivery.DeliverDueAsync(cancellationToken);

        if (await delivery.FindNextDueAsync(run.LookedAt, cancellationToken) is { } next)
        {
            await wake.WakeAtAsync(next, cancellationToken);
        }

        context.Result = run.Claimed == 0
            ? JobRunReport.Skipped("nothing was due")
            : JobRunReport.Succeeded($"{run.Sent} sent, {run.Claimed - run.Sent} no longer wanted").With("sent", run.Sent);
    }
}
