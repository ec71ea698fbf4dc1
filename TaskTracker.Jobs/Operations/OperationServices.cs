using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.BulkUpdates;
using TaskTracker.Jobs.Exports;

namespace TaskTracker.Jobs.Operations;

/// <summary>Registers the jobs of operations and what they need.</summary>
internal static class OperationServices
{
    // Of a node's 32 threads: reminders must never wait behind exports.
    private const int MaxAtOnce = 20;

    public static void AddOperations(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ExportOptions>()
            .BindConfiguration(ExportOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddSingleton<OperationTelemetry>();
        builder.Services.AddSingleton<RunningOperations>();
        builder.Services.AddSingleton<SharedWrites>();
        builder.Services.AddSingleton<TakenRuns>();
        builder.Services.AddScoped<OperationLedger>();
        builder.Services.AddScoped<OperationRunner>();
        builder.Services.AddScoped<TaskExport>();
        builder.Services.AddScoped<BulkUpdate>();
        builder.Services.AddHostedService<OperationHeartbeat>();
        builder.Services.AddSingleton<OperationWatch>();
        builder.Services.AddHostedService(services => services.GetRequiredService<OperationWatch>());

        builder.AddQuartz(quartz =>
        {
            quartz.UseExecutionLimits(limits => limits.ForGroup(OperationTriggers.ExecutionGroup, MaxAtOnce));
            quartz.AddJob<ExportUserTasksJob>(job => job
                .WithIdentity(JobKeys.ExportUserTasks)
                .WithDescription("Writes all tasks of a user into a file.")
                .StoreDurably()
                .RequestRecovery());
            quartz.AddJob<BulkUpdateTasksJob>(job => job
                .WithIdentity(JobKeys.BulkUpdateTasks)
                .WithDescription("Makes one change to many tasks of a user.")
                .StoreDurably()
                .RequestRecovery());
        });
    }
}
