using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Statistics;

/// <summary>
/// An owner's tasks in numbers, as they were at <see cref="UpdatedAt"/>. They hold while the owner has no
/// <see cref="StatisticsMark"/> and <see cref="NextDeadline"/> lies ahead.
/// </summary>
public sealed class TaskStatistics
{
    /// <summary>Whose tasks.</summary>
    public int OwnerId { get; set; }

    /// <summary>How many there are.</summary>
    public int TotalTasks { get; set; }

    /// <summary>How many are done.</summary>
    public int CompletedTasks { get; set; }

    /// <summary>How many are open although their deadline has passed.</summary>
    public int OverdueTasks { get; set; }

    /// <summary>When the next open task falls overdue, in UTC; null when none will.</summary>
    public DateTimeOffset? NextDeadline { get; set; }

    /// <summary>When they were counted, in UTC.</summary>
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>
/// Says that an owner's tasks have changed since they were counted. Each write appends one of its own, so that no two
/// writes wait for each other; counting takes away those it has seen the effect of.
/// </summary>
public sealed class StatisticsMark
{
    /// <summary>The mark's number.</summary>
    public long Id { get; set; }

    /// <summary>Whose tasks have changed.</summary>
    public int OwnerId { get; set; }
}

internal sealed class TaskStatisticsConfiguration : IEntityTypeConfiguration<TaskStatistics>
{
    public void Configure(EntityTypeBuilder<TaskStatistics> statistics)
    {
        statistics.ToTable("task_statistics");
        statistics.HasKey(s => s.OwnerId);
        statistics.Property(s => s.OwnerId).ValueGeneratedNever();
    }
}

internal sealed class StatisticsMarkConfiguration : IEntityTypeConfiguration<StatisticsMark>
{
    public void Configure(EntityTypeBuilder<StatisticsMark> mark) => mark.ToTable("statistics_marks");
}
