using System.Diagnostics;
using System.Diagnostics.Metrics;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Reminders;

/// <summary>Shows deliveries in traces and metrics: when they were due, how late they went out, which request they come from.</summary>
internal sealed class ReminderTelemetry
{
    private readonly Counter<long> _sent;
    private readonly Histogram<double> _lateness;

    public ReminderTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(TaskTrackerSource.Name);
        _sent = meter.CreateCounter<long>("tasktracker.reminders.sent", "{reminder}", "Reminders delivered.");
        _lateness = meter.CreateHistogram<double>(
            "tasktracker.reminders.lateness", "s", "From the moment a reminder was due to its delivery.");
    }

    /// <summary>Records the reminders of one batch that went out.</summary>
    public void Record(IReadOnlyCollection<ClaimedReminder> batch, DateTimeOffset startedAt, DateTimeOffset sentAt)
    {
        foreach (var reminder in batch)
        {
            if (!reminder.Sent)
            {
                continue;
            }

            var lateness = (sentAt - reminder.DueAt).TotalSeconds;
            _sent.Add(1);
            _lateness.Record(lateness);

            if (TaskTrackerSource.Activities.HasListeners())
            {
                RecordSpan(reminder, lateness, startedAt, sentAt);
            }
        }
    }

    private static void RecordSpan(ClaimedReminder reminder, double lateness, DateTimeOffset startedAt, DateTimeOffset sentAt)
    {
        ActivityLink[] cause = ActivityContext.TryParse(reminder.TraceParent, null, isRemote: true, out var request)
            ? [new ActivityLink(request)]
            : [];
        // The dashboard forgets old traces: the span alone must still say where the reminder comes from.
        using var span = TaskTrackerSource.Activities.StartActivity(
            ActivityKind.Internal,
            tags:
            [
                new("tasktracker.task.id", reminder.TaskId),
                new("tasktracker.reminder.due_at", reminder.DueAt.ToString("O")),
                new("tasktracker.reminder.lateness", lateness),
                new("tasktracker.origin.trace_id", cause.Length > 0 ? cause[0].Context.TraceId.ToString() : null),
            ],
            links: cause,
            startTime: startedAt,
            name: "deliver reminder");
        span?.SetEndTime(sentAt.UtcDateTime);
    }
}
