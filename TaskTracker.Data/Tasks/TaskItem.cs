using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Tasks;

/// <summary>Something a user wants to get done.</summary>
public sealed class TaskItem
{
    /// <summary>The longest title, in characters.</summary>
    public const int TitleMaxLength = 200;

    /// <summary>The longest description, in characters.</summary>
    public const int DescriptionMaxLength = 10_000;

    /// <summary>What a search folds letters by. PostgreSQL brings it itself, and whatever locale a database has, it knows those of all languages.</summary>
    public const string SearchCollation = "pg_c_utf8";

    /// <summary>The task's number.</summary>
    public long Id { get; set; }

    /// <summary>The user whose task it is; nobody else ever sees it.</summary>
    public int OwnerId { get; set; }

    /// <summary>What is to be done: 1 to <see cref="TitleMaxLength"/> characters.</summary>
    public required string Title { get; set; }

    /// <summary>More about it; empty when there is nothing more to say.</summary>
    public string Description { get; set; } = "";

    /// <summary>Whether it is done.</summary>
    public bool Completed { get; set; }

    /// <summary>When it should be done, in UTC to the microsecond; null for whenever.</summary>
    public DateTimeOffset? Deadline { get; set; }

    /// <summary>When it was created, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was last changed, in UTC.</summary>
    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>When it was done, in UTC; null while it is open. The table keeps it, whoever writes.</summary>
    public DateTimeOffset? CompletedAt { get; private set; }

    /// <summary>Changes with every write (PostgreSQL's <c>xmin</c>): the base of the task's ETag.</summary>
    public uint Version { get; set; }
}

internal sealed class TaskItemConfiguration : IEntityTypeConfiguration<TaskItem>
{
    public void Configure(EntityTypeBuilder<TaskItem> task)
    {
        task.ToTable("tasks");
        task.Property(t => t.Title).HasMaxLength(TaskItem.TitleMaxLength);
        task.Property(t => t.Description).HasMaxLength(TaskItem.DescriptionMaxLength);
        task.Property(t => t.CompletedAt).ValueGeneratedOnAddOrUpdate();
        task.Property(t => t.Version).IsRowVersion().HasColumnName("xmin").HasColumnType("xid");
    }
}
