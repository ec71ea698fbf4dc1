using Quartz;
using TaskTracker.Data.Operations;

namespace TaskTracker.Data;

/// <summary>The jobs, under the names their users know, in the group <c>tasks</c>.</summary>
public static class JobKeys
{
    /// <summary>The group of all jobs.</summary>
    public const string Group = "tasks";

    /// <summary>Delivers the reminders that are due.</summary>
    public static readonly JobKey SendTaskReminder = new("send_task_reminder", Group);

    /// <summary>Counts the tasks of owners whose statistics no longer hold.</summary>
    public static readonly JobKey ProcessTaskStatistics = new("process_task_statistics", Group);

    /// <summary>Tells owners of tasks that are overdue.</summary>
    public static readonly JobKey CheckOverdueTasks = new("check_overdue_tasks", Group);

    /// <summary>Deletes what has expired.</summary>
    public static readonly JobKey DailyCleanup = new("daily_cleanup", Group);

    /// <summary>Sends notifications by e-mail and webhook.</summary>
    public static readonly JobKey DeliverNotifications = new("deliver_notifications", Group);

    /// <summary>Writes all tasks of a user into a file.</summary>
    public static readonly JobKey ExportUserTasks = new("export_user_tasks", Group);

    /// <summary>Makes one change to many tasks of a user.</summary>
    public static readonly JobKey BulkUpdateTasks = new("bulk_update_tasks", Group);

    /// <summary>
    /// The group of all triggers of a job: pausing a job is pausing this group, which also holds for triggers that are
    /// stored later.
    /// </summary>
    /// <param name="job">The job.</param>
    /// <returns>The group's name.</returns>
    public static string TriggerGroupOf(JobKey job) => job.Name;

    /// <summary>The job that does a kind of operation.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>The job's key.</returns>
    public static JobKey Of(OperationKind kind) => kind switch
    {
        OperationKind.Export => ExportUserTasks,
        OperationKind.BulkUpdate => BulkUpdateTasks,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No job does this."),
    };
}
