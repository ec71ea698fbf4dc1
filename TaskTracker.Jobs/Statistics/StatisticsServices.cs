using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Statistics;

/// <summary>Registers <c>process_task_statistics</c> and what it needs.</summary>
internal static class StatisticsServices
{
    // How often it looks. Nobody waits for it, as a read that comes first counts its own owner, so it need not be soon. A
    // look that finds nothing is some 18 short transactions of the cluster, nearly all of them Quartz's: at this interval a
    // thousandth of a core, where one second would take half a hundredth.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    public static void AddStatistics(this IHostApplicationBuilder builder)
    {
        builder.Services.AddScoped<StatisticsRefresh>();

        builder.AddQuartz(quartz => quartz.AddJob<ProcessTaskStatisticsJob>(job => job
            .WithIdentity(JobKeys.ProcessTaskStatistics)
            .WithDescription("Counts the tasks of owners whose tasks have changed.")
            .StoreDurably()
            .RequestRecovery()));
        builder.Services.AddSingleton(_ => TriggerBuilder.Create()
            .WithIdentity("statistics-look", JobKeys.TriggerGroupOf(JobKeys.ProcessTaskStatistics))
            .WithDescription("Looks for owners whose tasks have changed.")
            .ForJob(JobKeys.ProcessTaskStatistics)
            .WithSimpleSchedule(s_interval, null)
            .Build());
    }
}
