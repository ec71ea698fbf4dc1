using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Audit;

/// <summary>
/// One action of an operator. It is written before the action begins and completed when it has ended, so no action is
/// without its entry.
/// </summary>
public sealed class AuditEntry : INumbered
{
    /// <summary>The longest name of an actor, in characters.</summary>
    public const int ActorMaxLength = 64;

    /// <summary>The longest name of a target, in characters.</summary>
    public const int TargetMaxLength = 300;

    /// <summary>The longest reason, in characters; as much as Quartz keeps with a pause.</summary>
    public const int ReasonMaxLength = 250;

    /// <summary>The longest detail, in characters; what is longer is cut.</summary>
    public const int DetailMaxLength = 1_000;

    /// <summary>The entry's number; later ones are higher.</summary>
    public long Id { get; set; }

    /// <summary>When the action began, in UTC.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>Who acted: a user name, <c>operator-key</c> or <c>command-line</c>.</summary>
    public required string Actor { get; set; }

    /// <summary>The user's number, which tells a user apart from another of the same name later; null for the key and the command line.</summary>
    public int? UserId { get; set; }

    /// <summary>What was done, such as <c>pause</c>.</summary>
    public required string Action { get; set; }

    /// <summary>To what: the name of a job, the id of a run or of an operation, or a user name.</summary>
    public required string Target { get; set; }

    /// <summary>How it ended.</summary>
    public AuditOutcome Outcome { get; set; }

    /// <summary>Why, in the actor's words.</summary>
    public string? Reason { get; set; }

    /// <summary>Why it was refused or failed.</summary>
    public string? Detail { get; set; }
}

/// <summary>How an action ended.</summary>
public enum AuditOutcome
{
    /// <summary>Not yet; or the process ended before it could be written.</summary>
    Begun,

    /// <summary>It was done.</summary>
    Done,

    /// <summary>It was refused, and nothing has changed.</summary>
    Refused,

    /// <summary>It failed; what had changed by then is not known.</summary>
    Failed,
}

internal sealed class AuditEntryConfiguration : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> entry)
    {
        entry.ToTable("audit");
        entry.Property(e => e.Actor).HasMaxLength(AuditEntry.ActorMaxLength);
        entry.Property(e => e.Action).HasMaxLength(AuditEntry.ActorMaxLength);
        entry.Property(e => e.Target).HasMaxLength(AuditEntry.TargetMaxLength);
        entry.Property(e => e.Reason).HasMaxLength(AuditEntry.ReasonMaxLength);
        entry.Property(e => e.Detail).HasMaxLength(AuditEntry.DetailMaxLength);
        entry.Property(e => e.Outcome).HasConversion(
            outcome => outcome.ToString().ToLowerInvariant(),
            text => Enum.Parse<AuditOutcome>(text, ignoreCase: true));
    }
}
