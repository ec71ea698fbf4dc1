using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Overdue;

/// <summary>Registers <c>check_overdue_tasks</c> and what it needs.</summary>
internal static class OverdueServices
{
    public static void AddOverdueCheck(this IHostApplicationBuilder builder)
    {
        builder.Services.AddScoped<OverdueCheck>();

        builder.AddQuartz(quartz => quartz.AddJob<CheckOverdueTasksJob>(job => job
            .WithIdentity(JobKeys.CheckOverdueTasks)
            .WithDescription("Tells owners of tasks that are overdue.")
            .StoreDurably()
            .RequestRecovery()));
        builder.Services.AddSingleton(_ => TriggerBuilder.Create()
            .WithIdentity("overdue-hourly", JobKeys.TriggerGroupOf(JobKeys.CheckOverdueTasks))
            .WithDescription("Every hour.")
            .ForJob(JobKeys.CheckOverdueTasks)
            .WithCronSchedule("0 0 * * * ?", cron => cron
                .InTimeZone(TimeZoneInfo.Utc)
                // However many hours were missed, one run makes up for them.
                .WithMisfireInstruction(CronTriggerMisfireInstruction.FireAndProceed))
            .Build());
    }
}
