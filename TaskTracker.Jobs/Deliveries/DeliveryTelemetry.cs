using System.Diagnostics;
using System.Diagnostics.Metrics;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>Shows attempts in traces and metrics. Neither names an address or a URL.</summary>
internal sealed class DeliveryTelemetry
{
    private readonly Counter<long> _deliveries;

    public DeliveryTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(TaskTrackerSource.Name);
        _deliveries = meter.CreateCounter<long>(
            "tasktracker.notifications.deliveries", "{attempt}", "Attempts to send a notification, by channel and outcome.");
    }

    /// <summary>Begins an attempt's span; it links to the request that caused it, days earlier perhaps.</summary>
    public static Activity? Start(ClaimedDelivery attempt)
    {
        if (!TaskTrackerSource.Activities.HasListeners())
        {
            return null;
        }

        ActivityLink[] cause = ActivityContext.TryParse(attempt.TraceParent, null, isRemote: true, out var request)
            ? [new ActivityLink(request)]
            : [];
        return TaskTrackerSource.Activities.StartActivity(
            ActivityKind.Internal,
            tags:
            [
                new("tasktracker.delivery.id", attempt.Id),
                new("tasktracker.delivery.channel", attempt.Channel),
                new("tasktracker.delivery.attempt", attempt.Attempt),
            ],
            links: cause,
            name: "deliver notification");
    }

    /// <summary>Records how an attempt ended.</summary>
    public void Record(Activity? span, ClaimedDelivery attempt, DeliveryOutcome outcome)
    {
        var name = outcome.ToString().ToLowerInvariant();
        _deliveries.Add(1, new("channel", attempt.Channel), new("outcome", name));
        span?.SetTag("tasktracker.delivery.outcome", name);
        if (outcome is DeliveryOutcome.Retried or DeliveryOutcome.Failed or DeliveryOutcome.Lost)
        {
            span?.SetStatus(ActivityStatusCode.Error);
        }
    }
}
