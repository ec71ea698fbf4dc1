using System.Diagnostics;

namespace TaskTracker.Data;

/// <summary>What TaskTracker itself adds to traces and metrics bears this name.</summary>
public static class TaskTrackerSource
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string Name = "TaskTracker";

    /// <summary>Where spans begin.</summary>
    public static readonly ActivitySource Activities = new(Name);
}
