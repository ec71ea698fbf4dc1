using TaskTracker.Data.Tasks;

namespace TaskTracker.Data.Operations;

/// <summary>What an operation is asked to do; its type says by which job.</summary>
public interface IOperationInput
{
    /// <summary>Which work it is for.</summary>
    static abstract OperationKind Kind { get; }
}

/// <summary>What Quartz hands to the job: everything else stands in the operation's row.</summary>
/// <param name="OperationId">The operation.</param>
public sealed record OperationFiring(Guid OperationId);

/// <summary>Asks for all tasks in a file.</summary>
/// <param name="Format">The file's format.</param>
public sealed record ExportInput(ExportFormat Format) : IOperationInput
{
    /// <inheritdoc />
    public static OperationKind Kind => OperationKind.Export;
}

/// <summary>The formats of exported files.</summary>
public enum ExportFormat
{
    /// <summary>One JSON array.</summary>
    Json,

    /// <summary>One JSON object a line.</summary>
    Ndjson,

    /// <summary>Comma-separated values with a line of names (RFC 4180), guarded against formulas.</summary>
    Csv,
}

/// <summary>What came of an export.</summary>
/// <param name="ExportKey">Names the file.</param>
/// <param name="TaskCount">How many tasks it holds.</param>
/// <param name="Format">Its format.</param>
/// <param name="DownloadUrl">Where it is, below the API's address.</param>
public sealed record ExportResult(string ExportKey, long TaskCount, ExportFormat Format, string DownloadUrl);

/// <summary>Asks for one change to many tasks.</summary>
/// <param name="TaskIds">The tasks, each once; who does not own one changes nothing of it.</param>
/// <param name="Changes">The change.</param>
public sealed record BulkUpdateInput(IReadOnlyList<long> TaskIds, TaskChanges Changes) : IOperationInput
{
    /// <summary>The most tasks of one bulk update.</summary>
    public const int MaxTasks = 10_000;

    /// <inheritdoc />
    public static OperationKind Kind => OperationKind.BulkUpdate;
}

/// <summary>What to change of a task; null leaves a value as it is.</summary>
/// <param name="Title">The new title.</param>
/// <param name="Description">The new description.</param>
/// <param name="Completed">Whether it is done.</param>
/// <param name="MovesDeadline">Whether <paramref name="Deadline"/> replaces the deadline.</param>
/// <param name="Deadline">The new deadline; null for none. See <see cref="TaskItem.Deadline"/>.</param>
public sealed record TaskChanges(string? Title, string? Description, bool? Completed, bool MovesDeadline, DateTimeOffset? Deadline);

/// <summary>What came of a bulk update, so far or in the end.</summary>
/// <param name="Updated">How many tasks were changed.</param>
/// <param name="NotFound">The ids that name no task of this user.</param>
public sealed record BulkUpdateResult(int Updated, IReadOnlyList<long> NotFound);
