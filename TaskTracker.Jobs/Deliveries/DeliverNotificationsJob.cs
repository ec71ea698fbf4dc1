using Quartz;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>Runs <see cref="DeliveryRun"/>. One run a replica is enough; replicas share what is due.</summary>
internal sealed class DeliverNotificationsJob(DeliveryRun run) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        var report = await run.SendDueAsync(cancellationToken);

        context.Result = report switch
        {
            null => JobRunReport.Skipped("this replica is sending already"),
            { Total: 0 } => JobRunReport.Skipped("nothing was due"),
            _ => JobRunReport.Succeeded(
                $"{report[DeliveryOutcome.Sent]} sent, {report[DeliveryOutcome.Retried]} to be tried again, {report[DeliveryOutcome.Failed]} failed")
                .With("sent", report[DeliveryOutcome.Sent]),
        };
    }
}
