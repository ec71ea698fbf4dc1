using System.Diagnostics;
using System.Diagnostics.Metrics;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>Shows operations in metrics: how soon they start, how many wait and how many are under way.</summary>
internal sealed class OperationTelemetry
{
    private readonly Histogram<double> _startDelay;
    private readonly Counter<long> _exportedTasks;
    private readonly Counter<long> _exportedBytes;
    private readonly Counter<long> _updatedTasks;
    private volatile IReadOnlyList<OpenOperations> _open = [];
    private volatile int _nodes;

    public OperationTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(TaskTrackerSource.Name);
        _startDelay = meter.CreateHistogram<double>(
            "tasktracker.jobs.start_delay", "s", "From the request of an operation to the start of its first attempt.");
        _exportedTasks = meter.CreateCounter<long>("tasktracker.exports.tasks", "{task}", "Tasks written into exports.");
        _exportedBytes = meter.CreateCounter<long>("tasktracker.exports.size", "By", "Bytes written into exports.");
        _updatedTasks = meter.CreateCounter<long>("tasktracker.bulk_updates.tasks", "{task}", "Tasks changed by bulk updates.");
        meter.CreateObservableGauge("tasktracker.jobs.nodes", () => _nodes, "{node}", "Replicas that run jobs and are alive, in the whole cluster.");
        meter.CreateObservableGauge(
            "tasktracker.jobs.queued", () => Measure(OperationStatus.Pending), "{operation}", "Operations that wait, in the whole cluster.");
        meter.CreateObservableGauge(
            "tasktracker.jobs.active", () => Measure(OperationStatus.Running), "{operation}", "Operations under way, in the whole cluster.");
    }

    /// <summary>Records the start of an attempt; only the first says how long its owner waited.</summary>
    public void RecordStart(Operation run, DateTimeOffset startedAt)
    {
        Activity.Current?.SetTag("tasktracker.operation.id", run.Id.ToString());
        Activity.Current?.SetTag("tasktracker.operation.created_at", run.CreatedAt.ToString("O"));
        Activity.Current?.SetTag("tasktracker.operation.attempt", run.Attempt);
        if (run.Attempt == 1)
        {
            _startDelay.Record((startedAt - run.CreatedAt).TotalSeconds, Job(run.Kind));
        }
    }

    /// <summary>Records the tasks of a whole file.</summary>
    public void RecordExportedTasks(long tasks) => _exportedTasks.Add(tasks);

    /// <summary>Records a piece of a file.</summary>
    public void RecordExportedBytes(long bytes) => _exportedBytes.Add(bytes);

    /// <summary>Records tasks that a chunk of a bulk update has changed.</summary>
    public void RecordUpdated(long tasks) => _updatedTasks.Add(tasks);

    /// <summary>Takes over what was counted last.</summary>
    public void RecordCluster(IReadOnlyList<OpenOperations> open, int nodes)
    {
        _open = open;
        _nodes = nodes;
    }

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
