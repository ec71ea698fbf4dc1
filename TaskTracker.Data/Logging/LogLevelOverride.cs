using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.Extensions.Logging;

namespace TaskTracker.Data.Logging;

/// <summary>
/// How much one service logs of one category, for a while: an operator's wish, which every replica heeds without a
/// restart. It ends by itself, as what was turned up for a look is easily forgotten.
/// </summary>
public sealed class LogLevelOverride
{
    /// <summary>The category that stands for all that have none of their own.</summary>
    public const string DefaultCategory = "Default";

    /// <summary>The longest name of a category, in characters.</summary>
    public const int CategoryMaxLength = 200;

    /// <summary>The longest that one may stand.</summary>
    public static readonly TimeSpan MaxLife = TimeSpan.FromHours(24);

    /// <summary>The service, <c>api</c> or <c>jobs</c>.</summary>
    public required string Service { get; set; }

    /// <summary>The beginning of the names of loggers that it is for, or <see cref="DefaultCategory"/>.</summary>
    public required string Category { get; set; }

    /// <summary>The lowest level that is logged.</summary>
    public LogLevel Level { get; set; }

    /// <summary>When it ends, in UTC.</summary>
    public DateTimeOffset ExpiresAt { get; set; }
}

internal sealed class LogLevelOverrideConfiguration : IEntityTypeConfiguration<LogLevelOverride>
{
    public void Configure(EntityTypeBuilder<LogLevelOverride> level)
    {
        level.ToTable("log_levels");
        level.HasKey(l => new { l.Service, l.Category });
        level.Property(l => l.Service).HasMaxLength(20);
        level.Property(l => l.Category).HasMaxLength(LogLevelOverride.CategoryMaxLength);
        level.Property(l => l.Level).HasConversion<string>().HasMaxLength(20);
    }
}
