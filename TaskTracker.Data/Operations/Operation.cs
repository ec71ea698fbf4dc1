using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Operations;

/// <summary>
/// Work that a user has asked for and that a job does. The row is the truth about it: it outlives the firing of the job,
/// the process that runs it, and every attempt.
/// </summary>
public sealed class Operation
{
    /// <summary>How many attempts may begin each time the work is asked for.</summary>
    public const int AttemptsPerRequest = 10;

    /// <summary>Its number; clients know it as <c>task_id</c>.</summary>
    public Guid Id { get; set; }

    /// <summary>Who asked; nobody else ever sees it.</summary>
    public int OwnerId { get; set; }

    /// <summary>Which work.</summary>
    public OperationKind Kind { get; set; }

    /// <summary>How far it is.</summary>
    public OperationStatus Status { get; set; }

    /// <summary>How much is done, in percent.</summary>
    public int Progress { get; set; }

    /// <summary>What was asked, as JSON: an <see cref="IOperationInput"/>.</summary>
    public required string Input { get; set; }

    /// <summary>What came of it, as JSON. Before the end it is what a later attempt goes on from.</summary>
    public string? Result { get; set; }

    /// <summary>Why it failed, for its owner to read.</summary>
    public string? Error { get; set; }

    /// <summary>
    /// How many attempts have begun, and which of them may write: every write names its attempt, so one that was taken
    /// over changes nothing any more.
    /// </summary>
    public int Attempt { get; set; }

    /// <summary>
    /// The last attempt that may begin, takeovers included: work that ends its process must not end one after the other
    /// for ever. Asking for a failed operation again raises it.
    /// </summary>
    public int AttemptLimit { get; set; } = AttemptsPerRequest;

    /// <summary>
    /// The firing that began its last attempt, as Quartz names it: a firing goes on with one operation after the other, so its
    /// trigger tells the first of them only.
    /// </summary>
    public string? FireInstanceId { get; set; }

    /// <summary>When its owner, or an operator, asked to cancel it, in UTC.</summary>
    public DateTimeOffset? CancelRequestedAt { get; set; }

    /// <summary>The W3C <c>traceparent</c> of the request.</summary>
    public string? TraceParent { get; set; }

    /// <summary>When it was asked for, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When its first attempt began, in UTC.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When it was last certain that somebody looks after it, in UTC.</summary>
    public DateTimeOffset SeenAt { get; set; }

    /// <summary>When it ended, in UTC.</summary>
    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>Until when its file may be downloaded, in UTC.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>Reads <see cref="Input"/>.</summary>
    /// <typeparam name="T">Its type, which the kind decides.</typeparam>
    /// <returns>The input.</returns>
    public T ReadInput<T>() where T : IOperationInput => JsonSerializer.Deserialize<T>(Input, OperationJson.Options)!;

    /// <summary>Reads <see cref="Result"/>.</summary>
    /// <typeparam name="T">Its type, which the kind decides.</typeparam>
    /// <returns>The result, or null where there is none.</returns>
    public T? ReadResult<T>() where T : class => Result is null ? null : JsonSerializer.Deserialize<T>(Result, OperationJson.Options);
}

/// <summary>Which work an operation is.</summary>
public enum OperationKind
{
    /// <summary>All tasks of a user into a file.</summary>
    Export,

    /// <summary>The same change to many tasks of a user.</summary>
    BulkUpdate,
}

/// <summary>How far an operation is.</summary>
public enum OperationStatus
{
    /// <summary>It waits for its first attempt, or for the next.</summary>
    Pending,

    /// <summary>An attempt is under way.</summary>
    Running,

    /// <summary>It is done.</summary>
    Completed,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>It was cancelled.</summary>
    Cancelled,
}

internal sealed class OperationConfiguration : IEntityTypeConfiguration<Operation>
{
    public void Configure(EntityTypeBuilder<Operation> operation)
    {
        operation.ToTable("operations");
        operation.Property(o => o.Id).ValueGeneratedNever();
        operation.Property(o => o.Kind).HasConversion(kind => OperationJson.NameOf(kind), text => OperationJson.Parse<OperationKind>(text));
        operation.Property(o => o.Status).HasConversion(status => OperationJson.NameOf(status), text => OperationJson.Parse<OperationStatus>(text));
        operation.Property(o => o.Input).HasColumnType("jsonb");
        operation.Property(o => o.Result).HasColumnType("jsonb");
        operation.Property(o => o.TraceParent).HasMaxLength(55);
    }
}
