using System.Diagnostics.Metrics;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Reminders;

namespace TaskTracker.Jobs.Operations;

/// <summary>Shows operations in metrics: how soon they start, how many wait and how many are under way.</summary>
internal sealed class OperationTelemetry
{
    private readonly Histogram<double> _startDelay;
    private volatile IReadOnlyList<OpenOperations> _open = [];

    public OperationTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(ReminderTelemetry.SourceName);
        _startDelay = meter.CreateHistogram<double>(
            "tasktracker.jobs.start_delay", "s", "From the request of an operation to the start of its first attempt.");
        meter.CreateObservableGauge(
            "tasktracker.jobs.queued", () => Measure(OperationStatus.Pending), "{operation}", "Operations that wait, in the whole cluster.");
        meter.CreateObservableGauge(
            "tasktracker.jobs.active", () => Measure(OperationStatus.Running), "{operation}", "Operations under way, in the whole cluster.");
    }

    /// <summary>Records the start of an attempt; only the first says how long its owner waited.</summary>
    public void RecordStart(Operation run, DateTimeOffset startedAt)
    {
        if (run.Attempt == 1)
        {
            _startDelay.Record((startedAt - run.CreatedAt).TotalSeconds, Job(run.Kind));
        }
    }

    /// <summary>Takes over what was counted last.</summary>
    public void RecordOpen(IReadOnlyList<OpenOperations> open) => _open = open;

    private IEnumerable<Measurement<long>> Measure(OperationStatus status)
    {
        var open = _open;
        return Enum.GetValues<OperationKind>().Select(kind => new Measurement<long>(
            open.Where(row => row.Kind == kind && row.Status == status).Sum(row => row.Count), Job(kind)));
    }

    private static KeyValuePair<string, object?> Job(OperationKind kind) => new("job", JobKeys.Of(kind).Name);
}

/// <summary>How many operations are of one kind and status.</summary>
internal sealed record OpenOperations(OperationKind Kind, OperationStatus Status, long Count);
