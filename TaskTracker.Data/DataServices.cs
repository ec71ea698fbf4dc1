using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Statistics;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data;

/// <summary>Registers what every service needs to read and write TaskTracker's data.</summary>
public static class DataServices
{
    /// <summary>The name of the database's connection string, and of the resource in the AppHost.</summary>
    public const string ConnectionName = "tasktracker";

    /// <summary>The oldest major version of PostgreSQL: every write relies on <c>transaction_timeout</c>.</summary>
    public const int OldestPostgres = 17;

    /// <summary>
    /// The session of whoever works on queues, which are empty at one moment and full the next: PostgreSQL plans for the empty
    /// one, and each statement would read all that waits: from the table, through its smallest index, or to sort it.
    /// </summary>
    internal const string QueueSession = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off";

    /// <summary>Adds <see cref="TaskTrackerDbContext"/> over the connection string <see cref="ConnectionName"/>.</summary>
    /// <param name="builder">The service that is being built.</param>
    /// <param name="worksOnQueues">Whether it works on what waits in tables, and so always by their indexes.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <exception cref="InvalidOperationException">The connection string is missing.</exception>
    public static IHostApplicationBuilder AddTaskTrackerData(this IHostApplicationBuilder builder, bool worksOnQueues = false)
    {
        builder.AddNpgsqlDbContext<TaskTrackerDbContext>(
            ConnectionName,
            settings => settings.ConnectionString = WithDefaults(settings.ConnectionString, worksOnQueues ? QueueSession : ""),
            options => options
                // A request waits for its answer meanwhile; a job is tried again by its own policy.
                .UseNpgsql(npgsql => npgsql.EnableRetryOnFailure(maxRetryCount: 2, maxRetryDelay: TimeSpan.FromMilliseconds(500), errorCodesToAdd: null))
                // Migrations are written by hand and have no snapshot to compare with; a test compares model and schema.
                .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning)));

        builder.Services.AddOptions<ReminderOptions>()
            .BindConfiguration(ReminderOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ReminderPlanner>();
        builder.Services.AddScoped<ReminderWriter>();
        builder.Services.AddScoped<StatisticsCounter>();
        builder.Services.AddScoped<TaskHistory>();
        builder.Services.AddSingleton<TaskMetrics>();

        return builder;
    }

    // Whoever says otherwise in the connection string is heard: a pooler that spreads transactions may know no prepared statements.
    internal static string? WithDefaults(string? connectionString, string sessionOptions)
    {
        (string[] Keywords, object Value)[] defaults =
        [
            // Npgsql's own would hold a request for a quarter of a minute at each try.
            (["Timeout"], 3),
            // Statements are few, and to parse and plan them costs more than most of them do.
            (["Max Auto Prepare", "MaxAutoPrepare"], 100),
            // Nothing here leaves settings or locks in a session that another user of the connection would have to clear away.
            (["No Reset On Close", "NoResetOnClose"], true),
        ];
        var connection = new DbConnectionStringBuilder { ConnectionString = connectionString };
        foreach (var (keywords, value) in defaults)
        {
            if (connection.Count > 0 && !keywords.Any(connection.ContainsKey))
            {
                connection[keywords[0]] = value;
            }
        }

        if (connection.Count > 0 && sessionOptions.Length > 0)
        {
            connection["Options"] = connection.TryGetValue("Options", out var given) ? $"{given} {sessionOptions}" : sessionOptions;
        }

        return connection.ConnectionString;
    }
}
