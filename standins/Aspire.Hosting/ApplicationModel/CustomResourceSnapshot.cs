using System.Collections.Immutable;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>How a resource, or one replica of it, is right now: what the dashboard shows and waits decide on.</summary>
public sealed record CustomResourceSnapshot
{
    public required string ResourceType { get; init; }
    public required ImmutableArray<ResourcePropertySnapshot> Properties { get; init; }
    public ResourceStateSnapshot? State { get; init; }
    public DateTime? CreationTimeStamp { get; init; }
    public DateTime? StartTimeStamp { get; init; }
    public DateTime? StopTimeStamp { get; init; }
    public int? ExitCode { get; init; }
    public ImmutableArray<HealthReportSnapshot> HealthReports { get; internal init; } = [];
    public ImmutableArray<EnvironmentVariableSnapshot> EnvironmentVariables { get; init; } = [];
    public ImmutableArray<UrlSnapshot> Urls { get; init; } = [];
    public ImmutableArray<ResourceCommandSnapshot> Commands { get; init; } = [];
    public ImmutableArray<RelationshipSnapshot> Relationships { get; init; } = [];
    public bool IsHidden { get; init; }
    public string? IconName { get; init; }
    public IconVariant? IconVariant { get; init; }

    /// <summary>
    /// Null unless the resource runs. Without health checks it is then healthy, else as bad as the worst report; a check that
    /// has not answered yet counts as unhealthy.
    /// </summary>
    public HealthStatus? HealthStatus => State?.Text != KnownResourceStates.Running ? null
        : HealthReports.IsEmpty ? Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy
        : HealthReports.Min(report => report.Status ?? Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Unhealthy);

    /// <summary>The handlers of <see cref="ResourceReadyEvent"/>, once the resource was ready for the first time since its start.</summary>
    internal Task? ReadyHandlers { get; init; }
}

/// <summary>A state's text and how it is coloured; a text converts by itself.</summary>
public sealed record ResourceStateSnapshot(string Text, string? Style)
{
    public static implicit operator ResourceStateSnapshot?(string? s) => s is null ? null : new(s, null);
}

/// <summary>An environment variable; from the spec means set by the AppHost rather than inherited.</summary>
public sealed record EnvironmentVariableSnapshot(string Name, string? Value, bool IsFromSpec);

/// <summary>A link of the resource.</summary>
public sealed record UrlSnapshot(string? Name, string Url, bool IsInternal)
{
    public bool IsInactive { get; init; }
    public UrlDisplayPropertiesSnapshot DisplayProperties { get; init; } = new();
}

/// <summary>How a link is labelled and sorted.</summary>
public sealed record UrlDisplayPropertiesSnapshot(string DisplayName = "", int SortOrder = 0);

/// <summary>A relationship to another resource, by its display name.</summary>
public sealed record RelationshipSnapshot(string ResourceName, string Type);

/// <summary>A named fact; sensitive ones are masked in the dashboard.</summary>
public sealed record ResourcePropertySnapshot(string Name, object? Value)
{
    public string? DisplayName { get; init; }
    public bool IsSensitive { get; init; }
    public bool IsHighlighted { get; init; }
    public int? SortOrder { get; init; }
}

/// <summary>A command and whether it can be used now.</summary>
public sealed record ResourceCommandSnapshot(string Name, ResourceCommandState State, string DisplayName, string? DisplayDescription, object? Parameter, string? ConfirmationMessage, string? IconName, IconVariant? IconVariant, bool IsHighlighted);

/// <summary>What a health check said last; no status means that it has not run yet.</summary>
public sealed record HealthReportSnapshot(string Name, HealthStatus? Status, string? Description, string? ExceptionText)
{
    public DateTime? LastRunAt { get; init; }
}

/// <summary>The states everybody knows; a resource may have others.</summary>
public static class KnownResourceStates
{
    public static readonly string Starting = nameof(Starting);
    public static readonly string Running = nameof(Running);
    public static readonly string FailedToStart = nameof(FailedToStart);
    public static readonly string RuntimeUnhealthy = nameof(RuntimeUnhealthy);
    public static readonly string Stopping = nameof(Stopping);
    public static readonly string Exited = nameof(Exited);
    public static readonly string Finished = nameof(Finished);
    public static readonly string Waiting = nameof(Waiting);
    public static readonly string NotStarted = nameof(NotStarted);
    public static readonly string Building = nameof(Building);
    public static readonly string ValueMissing = nameof(ValueMissing);
    public static readonly string Active = nameof(Active);
    public static readonly IReadOnlyList<string> TerminalStates = [Finished, FailedToStart, Exited];
}

/// <summary>The colours of states.</summary>
public static class KnownResourceStateStyles
{
    public static readonly string Success = "success";
    public static readonly string Error = "error";
    public static readonly string Info = "info";
    public static readonly string Warn = "warning";
}
