namespace TaskTracker.Data;

/// <summary>
/// How a commit wakes the jobs service: <c>NOTIFY</c> inside the transaction, which PostgreSQL delivers only if it commits.
/// </summary>
public static class WakeUp
{
    /// <summary>
    /// The channel of reminders. A payload is the moment to wake for, in UTC ISO 8601; empty means now.
    /// </summary>
    public const string Channel = "tasktracker_wake";

    /// <summary>The channel of stored firings: the scheduler looks at once. The payload is empty.</summary>
    public const string SchedulingChannel = "tasktracker_scheduling";

    /// <summary>The channel of cancellations. A payload is the id of the operation, or of the run of a job, to stop.</summary>
    public const string CancelChannel = "tasktracker_cancel";

    /// <summary>The channel of new deliveries: whoever sends looks at once. The payload is empty.</summary>
    public const string DeliveriesChannel = "tasktracker_deliveries";

    /// <summary>
    /// How often the jobs service looks for due reminders by itself. Only what is due sooner is worth a NOTIFY, for a
    /// notifying commit takes a lock of the whole cluster.
    /// </summary>
    public static readonly TimeSpan RegularLook = TimeSpan.FromMinutes(1);
}
