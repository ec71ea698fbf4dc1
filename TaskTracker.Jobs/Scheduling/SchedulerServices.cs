using Quartz;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>Registers this process as one node of the cluster that runs the jobs.</summary>
internal static class SchedulerServices
{
    public static void AddScheduler(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;

        builder.AddSchedulerCluster(ownsSchema: true);
        builder.AddQuartz(quartz =>
        {
            quartz.ConfigureScheduler(scheduler =>
            {
                // The safety net below NOTIFY: a trigger that nobody announced is seen this late at most.
                scheduler.IdleWaitTime = TimeSpan.FromSeconds(1);
                scheduler.ShutdownJobInterruption = ShutdownJobInterruption.WhenWaitingForJobs;
            });
            // As many due triggers are claimed together, by one transaction; what runs mostly waits for the database.
            quartz.UseDefaultThreadPool(maxConcurrency: 32);
            quartz.AddJobMiddleware<JobSpans>();
            quartz.AddJobLogScope();
            quartz.AddJobTimeout(TimeSpan.FromMinutes(10));
            quartz.UseDefaultRetryPolicy(RetryPolicy.Exponential(
                maxAttempts: 5, initialDelay: TimeSpan.FromSeconds(2), factor: 2, maxDelay: TimeSpan.FromMinutes(5), jitter: 0.2));
        });
        services.AddSingleton<Schedules>();
        builder.AddQuartzHostedService(options => options.WaitForJobsToComplete = true);
        services.AddHealthChecks().AddQuartz();

        services.AddHostedService<WakeUpListener>();
    }
}
