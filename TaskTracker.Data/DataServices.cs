using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using TaskTracker.Data.Reminders;

namespace TaskTracker.Data;

/// <summary>Registers what every service needs to read and write TaskTracker's data.</summary>
public static class DataServices
{
    /// <summary>The name of the database's connection string, and of the resource in the AppHost.</summary>
    public const string ConnectionName = "tasktracker";

    /// <summary>Adds <see cref="TaskTrackerDbContext"/> over the connection string <see cref="ConnectionName"/>.</summary>
    /// <param name="builder">The service that is being built.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <exception cref="InvalidOperationException">The connection string is missing.</exception>
    public static IHostApplicationBuilder AddTaskTrackerData(this IHostApplicationBuilder builder)
    {
        builder.AddNpgsqlDbContext<TaskTrackerDbContext>(
            ConnectionName,
            configureDbContextOptions: options => options
                // Migrations are written by hand and have no snapshot to compare with; a test compares model and schema.
                .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning)));

        builder.Services.AddOptions<ReminderOptions>()
            .BindConfiguration(ReminderOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ReminderPlanner>();
        builder.Services.AddScoped<ReminderWriter>();

        return builder;
    }
}
