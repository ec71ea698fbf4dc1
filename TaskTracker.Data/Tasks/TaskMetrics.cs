using System.Diagnostics.Metrics;

namespace TaskTracker.Data.Tasks;

/// <summary>Shows in metrics what becomes of tasks.</summary>
public sealed class TaskMetrics
{
    private readonly Counter<long> _created;
    private readonly Counter<long> _completed;
    private readonly Counter<long> _overdue;

    /// <summary>Creates the instruments.</summary>
    /// <param name="meters">Where they are registered.</param>
    public TaskMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(TaskTrackerSource.Name);
        _created = meter.CreateCounter<long>("tasktracker.tasks.created", "{task}", "Tasks created.");
        _completed = meter.CreateCounter<long>("tasktracker.tasks.completed", "{task}", "Tasks that were open and are done.");
        _overdue = meter.CreateCounter<long>("tasktracker.tasks.overdue", "{task}", "Tasks found open after their deadline, once for each deadline.");
    }

    /// <summary>Records a task whose creation has committed.</summary>
    public void RecordCreated() => _created.Add(1);

    /// <summary>Records open tasks that are committed as done.</summary>
    /// <param name="tasks">How many.</param>
    public void RecordCompleted(long tasks) => _completed.Add(tasks);

    /// <summary>Records tasks whose owners were told that they are overdue.</summary>
    /// <param name="tasks">How many.</param>
    public void RecordOverdue(long tasks) => _overdue.Add(tasks);
}
