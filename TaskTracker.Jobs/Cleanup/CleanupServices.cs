using Microsoft.Extensions.Options;
using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Cleanup;

/// <summary>Registers <c>daily_cleanup</c> and what it needs.</summary>
internal static class CleanupServices
{
    public static void AddCleanup(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<CleanupOptions>()
            .BindConfiguration(CleanupOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddScoped<ExpiredData>();

        builder.AddQuartz(quartz => quartz.AddJob<DailyCleanupJob>(job => job
            .WithIdentity(JobKeys.DailyCleanup)
            .WithDescription("Deletes what has expired.")
            .StoreDurably()
            .RequestRecovery()));
        builder.Services.AddSingleton(services => TriggerBuilder.Create()
            .WithIdentity("cleanup-daily", JobKeys.TriggerGroupOf(JobKeys.DailyCleanup))
            .WithDescription("Every night at 02:00.")
            .ForJob(JobKeys.DailyCleanup)
            // On the day whose clocks leave 02:00 out it runs when they are put forward, and once where 02:00 comes twice.
            .WithCronSchedule("0 0 2 * * ?", cron => cron
                .InTimeZone(services.GetRequiredService<IOptions<CleanupOptions>>().Value.FindTimeZone())
                // However many nights were missed, one run makes up for them.
                .WithMisfireInstruction(CronTriggerMisfireInstruction.FireAndProceed))
            .Build());
    }
}
