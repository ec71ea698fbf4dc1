using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;
using Quartz;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;
using TaskTracker.Data.Audit;
using TaskTracker.Data.Logging;

namespace TaskTracker.Api.Operators;

/// <summary>A replica of the jobs service.</summary>
/// <param name="Id">Its name in the cluster, new at every start.</param>
/// <param name="State"><c>alive</c>, <c>overdue</c> where it has not checked in when it should have, <c>failed</c> where its runs are taken over.</param>
/// <param name="LastCheckIn">When it last said that it is alive.</param>
/// <param name="Running">What it runs.</param>
public sealed record NodeResponse(string Id, ClusterNodeState State, DateTimeOffset? LastCheckIn, IReadOnlyList<NodeRun> Running);

/// <summary>A run on a node.</summary>
/// <param name="Id">The run.</param>
/// <param name="Job">The job's name.</param>
/// <param name="StartedAt">When it began.</param>
public sealed record NodeRun(string Id, string? Job, DateTimeOffset StartedAt);

/// <summary>A run that is under way.</summary>
/// <param name="Id">The run, by which it is cancelled.</param>
/// <param name="Job">The job's name.</param>
/// <param name="OperationId">The operation that it is an attempt at; null for jobs that users do not ask for.</param>
/// <param name="Node">Where it runs.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="RunningSeconds">How long it has been running.</param>
/// <param name="Progress">How much is done, in percent; null where the job does not say.</param>
/// <param name="Message">What the job says beside that.</param>
public sealed record RunningResponse(
    string Id, string? Job, Guid? OperationId, string Node, DateTimeOffset StartedAt, double RunningSeconds, int? Progress, string? Message);

/// <summary>A job, and what waits for it.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Waiting">How many operations wait for their attempt, or how many firings are due and have not begun.</param>
/// <param name="OldestAt">Since when the oldest of them has been waiting.</param>
/// <param name="OldestSeconds">For how long.</param>
/// <param name="Paused">Whether it is paused: then nothing that waits begins.</param>
/// <param name="PauseReason">Why.</param>
/// <param name="PausedBy">By whom.</param>
/// <param name="PausedAt">Since when.</param>
public sealed record QueueResponse(
    string Job,
    long Waiting,
    DateTimeOffset? OldestAt,
    double? OldestSeconds,
    bool Paused,
    string? PauseReason,
    string? PausedBy,
    DateTimeOffset? PausedAt);

/// <summary>A run that has ended.</summary>
/// <param name="Id">The run.</param>
/// <param name="Job">The job's name.</param>
/// <param name="OperationId">The operation that it was an attempt at; null for jobs that users do not ask for.</param>
/// <param name="Node">Where it ran.</param>
/// <param name="Result">How it ended; <c>skipped</c> where there was nothing to do.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="DurationMs">How long it took, in milliseconds.</param>
/// <param name="Retry">Which repetition it was by itself; zero for the first try.</param>
/// <param name="WillRetry">Whether it failed and was to be tried again by itself.</param>
/// <param name="Manual">Whether an operator asked for it.</param>
/// <param name="Summary">What the job says about it.</param>
/// <param name="Error">Why it failed.</param>
public sealed record RunResponse(
    string Id,
    string Job,
    Guid? OperationId,
    string Node,
    JobRunResult Result,
    DateTimeOffset StartedAt,
    double DurationMs,
    int Retry,
    bool WillRetry,
    bool Manual,
    string? Summary,
    string? Error);

/// <summary>The runs of a job in numbers.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Runs">How many began in the time asked for and have ended.</param>
/// <param name="Succeeded">Those that did their work.</param>
/// <param name="Failed">Those that failed, whether they were tried again or not.</param>
/// <param name="Cancelled">Those that were stopped.</param>
/// <param name="Skipped">Those that found nothing to do; they are forgotten after an hour, and not in the durations.</param>
/// <param name="P50Ms">Half of the durations are at most this, in milliseconds.</param>
/// <param name="P95Ms">95 % of them are.</param>
/// <param name="MaxMs">All of them are.</param>
/// <param name="LastStartedAt">When the last one began.</param>
public sealed record JobStatisticsResponse(
    string Job, long Runs, long Succeeded, long Failed, long Cancelled, long Skipped, double? P50Ms, double? P95Ms, double? MaxMs, DateTimeOffset LastStartedAt);

/// <summary>What starts a job again and again.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Trigger">The name of what starts it.</param>
/// <param name="Description">What for.</param>
/// <param name="Cron">When, as a cron expression with seconds; null where <paramref name="EverySeconds"/> says it.</param>
/// <param name="EverySeconds">How often.</param>
/// <param name="TimeZone">Where the cron expression's times are meant.</param>
/// <param name="NextAt">When next, unless it is paused.</param>
/// <param name="PreviousAt">When last.</param>
/// <param name="State"><c>waiting</c>, <c>running</c>, <c>paused</c>, or <c>error</c> where it can no longer start the job.</param>
/// <param name="PauseReason">Why it is paused.</param>
/// <param name="PausedBy">By whom.</param>
/// <param name="PausedAt">Since when.</param>
public sealed record ScheduleResponse(
    string Job,
    string Trigger,
    string? Description,
    string? Cron,
    double? EverySeconds,
    string? TimeZone,
    DateTimeOffset? NextAt,
    DateTimeOffset? PreviousAt,
    string State,
    string? PauseReason,
    string? PausedBy,
    DateTimeOffset? PausedAt);

/// <summary>What an operator did.</summary>
/// <param name="Id">Its number; later ones are higher.</param>
/// <param name="At">When it began.</param>
/// <param name="Actor">Who: a user name, <c>operator-key</c> or <c>command-line</c>.</param>
/// <param name="UserId">The user's number.</param>
/// <param name="Action">What.</param>
/// <param name="Target">To what.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Reason">Why, in the actor's words.</param>
/// <param name="Detail">Why it was refused or failed.</param>
public sealed record AuditResponse(
    long Id, DateTimeOffset At, string Actor, int? UserId, string Action, string Target, AuditOutcome Outcome, string? Reason, string? Detail)
{
    internal static AuditResponse From(AuditEntry entry) => new(
        entry.Id, entry.At, entry.Actor, entry.UserId, entry.Action, entry.Target, entry.Outcome, entry.Reason, entry.Detail);
}

/// <summary>What was done.</summary>
/// <param name="Message">It, in a sentence.</param>
public sealed record ActionResponse(string Message);

/// <summary>Why a job is paused.</summary>
/// <param name="Reason">1 to 250 characters, for whoever wonders later.</param>
public sealed record PauseRequest([Text(AuditEntry.ReasonMaxLength, MinimumLength = 1)] string Reason);

/// <summary>A log level that is changed for a while.</summary>
/// <param name="Service">The service, <c>api</c> or <c>jobs</c>.</param>
/// <param name="Category">The beginning of the names of loggers, or <c>Default</c> for all that have no level of their own.</param>
/// <param name="Level">The lowest level that is logged.</param>
/// <param name="ExpiresAt">Until when.</param>
public sealed record LogLevelResponse(string Service, string Category, string Level, DateTimeOffset ExpiresAt);

/// <summary>How much a service shall log for a while.</summary>
public sealed record LogLevelRequest : IValidatableObject
{
    /// <summary>The lowest level that is logged: <c>Trace</c>, <c>Debug</c>, <c>Information</c>, <c>Warning</c>, <c>Error</c>, <c>Critical</c> or <c>None</c>.</summary>
    [Text(20, MinimumLength = 1)]
    public required string Level { get; init; }

    /// <summary>The beginning of the names of loggers, such as <c>TaskTracker</c>; all that have no level of their own unless given.</summary>
    [Text(LogLevelOverride.CategoryMaxLength)]
    public string? Category { get; init; }

    /// <summary>For how many minutes: 1 to 1440, 15 by default.</summary>
    [Range(1, 1440, ErrorMessage = "Must be a number of minutes from 1 to 1440.")]
    public int Minutes { get; init; } = 15;

    internal string CategoryOrDefault => string.IsNullOrWhiteSpace(Category) ? LogLevelOverride.DefaultCategory : Category;

    internal LogLevel ParsedLevel => Enum.Parse<LogLevel>(Level, ignoreCase: true);

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Enum.GetNames<LogLevel>().Contains(Level, StringComparer.OrdinalIgnoreCase)
            ? []
            : [new ValidationResult($"Must be one of {string.Join(", ", Enum.GetNames<LogLevel>())}.", [nameof(Level)])];
}

/// <summary>Which runs to list, the latest first.</summary>
public sealed record HistoryQuery : IValidatableObject
{
    private static readonly Dictionary<string, JobRunResult> Results =
        Enum.GetValues<JobRunResult>().ToDictionary(result => result.ToString().ToLowerInvariant());

    /// <summary>Only runs of this job.</summary>
    [Text(100)]
    public string? Job { get; init; }

    /// <summary>Only runs that ended so: <c>succeeded</c>, <c>failed</c>, <c>cancelled</c> or <c>skipped</c>.</summary>
    public string? Result { get; init; }

    /// <summary>Only runs on this node.</summary>
    [Text(200)]
    public string? Node { get; init; }

    /// <summary>Only attempts at this operation.</summary>
    [FromQuery(Name = "operation_id")]
    public Guid? OperationId { get; init; }

    /// <summary>Only runs that began at this time or after it.</summary>
    public UtcTimeParameter? From { get; init; }

    /// <summary>Only runs that began before this time.</summary>
    public UtcTimeParameter? Before { get; init; }

    /// <summary>Only runs whose error holds this text, in upper or lower case.</summary>
    [Text(200)]
    public string? Error { get; init; }

    /// <summary>The most on a page: 1 to 200, 50 by default.</summary>
    [Range(1, Pages.MaxLimit, ErrorMessage = Pages.LimitProblem)]
    public int? Limit { get; init; }

    /// <summary>The <c>next_cursor</c> of the page before.</summary>
    [Text(Paging.Cursor.MaxLength)]
    public string? Cursor { get; init; }

    internal JobRunResult? ParsedResult => Result is null ? null : Results[Result];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Result is null || Results.ContainsKey(Result)
            ? []
            : [new ValidationResult("Must be succeeded, failed, cancelled or skipped.", [nameof(Result)])];
}

/// <summary>Over which time to count.</summary>
public sealed record StatisticsQuery
{
    internal const int DefaultHours = 24;

    /// <summary>The last so many hours: 1 to 720, 24 by default.</summary>
    [Range(1, 720, ErrorMessage = "Must be a number of hours from 1 to 720.")]
    public int? Hours { get; init; }
}
