using Quartz;

namespace TaskTracker.Data;

/// <summary>The jobs, under the names their users know, in the group <c>tasks</c>.</summary>
public static class JobKeys
{
    /// <summary>Delivers the reminders that are due.</summary>
    public static readonly JobKey SendTaskReminder = new("send_task_reminder", "tasks");
}
