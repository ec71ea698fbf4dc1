using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Audit;
using TaskTracker.Data.DataProtection;
using TaskTracker.Data.Deliveries;
using TaskTracker.Data.Logging;
using TaskTracker.Data.Notifications;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Statistics;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data;

/// <summary>Everything TaskTracker keeps, in one PostgreSQL database. Quartz keeps its own tables beside these.</summary>
/// <param name="options">The options of the context, made by <see cref="DataServices.AddTaskTrackerData"/>.</param>
public sealed class TaskTrackerDbContext(DbContextOptions<TaskTrackerDbContext> options) : DbContext(options)
{
    /// <summary>Who has an account. Identity's stores work on this set; of what else Identity can keep nothing is used.</summary>
    public DbSet<User> Users => Set<User>();

    /// <summary>The tasks of all users.</summary>
    public DbSet<TaskItem> Tasks => Set<TaskItem>();

    /// <summary>What repeated requests are answered.</summary>
    public DbSet<IdempotentAnswer> IdempotentAnswers => Set<IdempotentAnswer>();

    /// <summary>The owners' tasks in numbers, as they were last counted.</summary>
    public DbSet<TaskStatistics> TaskStatistics => Set<TaskStatistics>();

    /// <summary>Whose tasks have changed since.</summary>
    public DbSet<StatisticsMark> StatisticsMarks => Set<StatisticsMark>();

    /// <summary>The reminders that still have to go out.</summary>
    public DbSet<Reminder> Reminders => Set<Reminder>();

    /// <summary>What users were told.</summary>
    public DbSet<Notification> Notifications => Set<Notification>();

    /// <summary>By which channels users are told outside this system.</summary>
    public DbSet<NotificationSettings> NotificationSettings => Set<NotificationSettings>();

    /// <summary>Notifications on their way out, and what became of them.</summary>
    public DbSet<Delivery> Deliveries => Set<Delivery>();

    /// <summary>The work that users have asked for.</summary>
    public DbSet<Operation> Operations => Set<Operation>();

    /// <summary>The pieces of exported files.</summary>
    public DbSet<ExportChunk> ExportChunks => Set<ExportChunk>();

    /// <summary>What operators did.</summary>
    public DbSet<AuditEntry> Audit => Set<AuditEntry>();

    /// <summary>The refresh tokens handed out, as hashes.</summary>
    public DbSet<RefreshToken> RefreshTokens => Set<RefreshToken>();

    /// <summary>The keys that protect access tokens, shared by every replica.</summary>
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    /// <summary>What operators have changed of the services' log levels.</summary>
    public DbSet<LogLevelOverride> LogLevels => Set<LogLevelOverride>();

    /// <inheritdoc />
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(TaskTrackerDbContext).Assembly);
        TaskSearch.Map(modelBuilder);

        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
            {
                // PostgreSQL folds unquoted names to lower case, so only snake_case is pleasant to query by hand.
                if (property.FindAnnotation(RelationalAnnotationNames.ColumnName) is null)
                {
                    property.SetColumnName(SnakeCase(property.Name));
                }
            }
        }
    }

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(letter));
        }

        return text.ToString();
    }
}
