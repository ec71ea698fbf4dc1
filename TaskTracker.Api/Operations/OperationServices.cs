using Quartz;
using Quartz.Impl;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operations;

/// <summary>Registers what it takes to ask for work. This process stores firings; it never runs a job.</summary>
internal static class OperationServices
{
    public static void AddOperations(this IHostApplicationBuilder builder)
    {
        // Nobody starts this scheduler: no hosted service does, and it has no threads. Its health says nothing, either.
        builder.AddSchedulerCluster(ownsSchema: false);
        builder.AddQuartz(quartz => quartz.UseThreadPool<ZeroSizeThreadPool>());

        builder.Services.AddSingleton<JobsGate>();
        builder.Services.AddScoped<SchedulerChanges>();
        builder.Services.AddScoped<IJobQueue, JobQueue>();
        builder.Services.AddScoped<Cancellation>();
    }
}
