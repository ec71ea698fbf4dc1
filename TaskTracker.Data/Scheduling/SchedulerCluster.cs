using Microsoft.Extensions.Hosting;
using Quartz;

namespace TaskTracker.Data.Scheduling;

/// <summary>What every process that schedules or runs jobs must have in common to be of one cluster.</summary>
public static class SchedulerCluster
{
    /// <summary>The cluster's name.</summary>
    public const string Name = "tasktracker";

    // Quartz deletes what is older by itself, on one node of the cluster.
    private static readonly TimeSpan s_historyRetention = TimeSpan.FromDays(30);

    // Looks every few seconds that found nothing are worth no more than an answer to 'is it alive'.
    private static readonly TimeSpan s_skippedRetention = TimeSpan.FromMinutes(15);

    /// <summary>Adds a scheduler that is one of the cluster. Whether it runs jobs, or only stores firings, is not said here.</summary>
    /// <param name="builder">The service that is being built.</param>
    /// <param name="database">Says where the database is, and what else this process does with it.</param>
    public static void AddSchedulerCluster(this IHostApplicationBuilder builder, Action<IPersistentStoreBuilder> database)
    {
        builder.AddQuartz(quartz => Configure(quartz, database));
        builder.Services.AddQuartzExecutionHistory(history =>
        {
            history.Retention = s_historyRetention;
            history.RetentionByResult[JobRunResult.Skipped] = s_skippedRetention;
            // A job that runs all the time must not crowd out the others; failures are kept whatever their number.
            history.MaxEntriesPerJob = 100_000;
            history.MaxEntriesPerScheduler = 1_000_000;
            // The input of a job is the id of an operation: a run that another node recovered says by it what it was for.
            history.RecordInput = true;
        });
    }

    private static void Configure(IQuartzBuilder quartz, Action<IPersistentStoreBuilder> database)
    {
        quartz.ConfigureScheduler(scheduler =>
        {
            scheduler.InstanceName = Name;
            scheduler.DefaultTimeZone = TimeZoneInfo.Utc;
        });
        quartz.UsePersistentStore(store =>
        {
            database(store);
            store.UseSystemTextJsonSerializer();
            store.UseExecutionHistory();
            // A node that died is noticed, and its jobs run elsewhere, after about the sum of the two.
            store.UseClustering(cluster =>
            {
                cluster.CheckinInterval = TimeSpan.FromSeconds(2);
                cluster.CheckinMisfireThreshold = TimeSpan.FromSeconds(2);
            });
            store.ConfigureStore(options =>
            {
                options.AcceptEnlistedTransactions = true;
                // With it, one open transaction that enqueues would hold up every other.
                options.LockOnInsert = false;
                options.CommandTimeout = TimeSpan.FromSeconds(15);
                // Storing a wake-up while another node fires it can deadlock (see decision 0003); the next try succeeds.
                options.TransientRetryInterval = TimeSpan.FromMilliseconds(100);
                // A node that is stopped hands what it was doing to another at once.
                options.RecoverFiringsCancelledByShutdown = true;
            });
        });
    }
}
