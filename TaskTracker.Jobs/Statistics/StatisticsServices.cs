using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Statistics;

/// <summary>Registers <c>process_task_statistics</c> and what it needs.</summary>
internal static class StatisticsServices
{
    public static void AddStatistics(this IHostApplicationBuilder builder)
    {
        builder.Services.AddScoped<StatisticsRefresh>();
        builder.Services.AddHostedService<StatisticsWatch>();

        builder.AddQuartz(quartz => quartz.AddJob<ProcessTaskStatisticsJob>(job => job
            .WithIdentity(JobKeys.ProcessTaskStatistics)
            .WithDescription("Counts the tasks of owners whose tasks have changed.")
            .StoreDurably()
            .RequestRecovery()));
    }
}
