namespace TaskTracker.Data;

/// <summary>
/// How a commit wakes the jobs service: <c>NOTIFY</c> inside the transaction, which PostgreSQL delivers only if it commits.
/// </summary>
public static class WakeUp
{
    /// <summary>The channel of <c>LISTEN</c> and <c>NOTIFY</c>. A payload is the moment to wake for, in UTC ISO 8601; empty means now.</summary>
    public const string Channel = "tasktracker_wake";

    /// <summary>How often the jobs service looks for due reminders by itself.</summary>
    public static readonly TimeSpan RegularLook = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How far ahead each look sees. Only what falls due sooner is worth a NOTIFY, for a notifying commit takes a lock of
    /// the whole cluster. Twice <see cref="RegularLook"/>: a reminder is still in time when its transaction takes a minute
    /// to commit, or when one look fails.
    /// </summary>
    public static readonly TimeSpan Horizon = 2 * RegularLook;
}
