using System.Data.Common;
using Npgsql;
using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>Registers this process as one node of the cluster that runs the jobs.</summary>
internal static class SchedulerServices
{
    /// <summary>The cluster's name, the same in every process that schedules or runs jobs.</summary>
    public const string ClusterName = "tasktracker";

    private static readonly TimeSpan s_historyRetention = TimeSpan.FromDays(30);

    public static void AddScheduler(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;

        services.AddSingleton(_ => OpenDataSource(builder.Configuration));
        services.AddSingleton<DbDataSource>(provider => provider.GetRequiredService<NpgsqlDataSource>());

        builder.AddQuartz(quartz =>
        {
            quartz.ConfigureScheduler(scheduler =>
            {
                scheduler.InstanceName = ClusterName;
                // The safety net below NOTIFY: a trigger that nobody announced is seen this late at most.
                scheduler.IdleWaitTime = TimeSpan.FromSeconds(1);
                scheduler.DefaultTimeZone = TimeZoneInfo.Utc;
            });
            quartz.UseDefaultThreadPool(maxConcurrency: 20);
            quartz.UsePersistentStore(store =>
            {
                store.UsePostgres(source => source.UseRegisteredDataSource = true);
                store.UseSystemTextJsonSerializer();
                store.ProvisionSchema();
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
                });
            });
            quartz.AddJobTimeout(TimeSpan.FromMinutes(10));
            quartz.UseDefaultRetryPolicy(RetryPolicy.Exponential(
                maxAttempts: 5, initialDelay: TimeSpan.FromSeconds(2), factor: 2, maxDelay: TimeSpan.FromMinutes(5), jitter: 0.2));
        });
        services.AddQuartzExecutionHistory(history =>
        {
            history.Retention = s_historyRetention;
            history.RetentionByResult[JobRunResult.Skipped] = TimeSpan.FromHours(1);
            history.MaxEntriesPerScheduler = 100_000;
        });
        builder.AddQuartzHostedService(options => options.WaitForJobsToComplete = true);
        services.AddHealthChecks().AddQuartz();

        services.AddHostedService<WakeUpListener>();
    }

    private static NpgsqlDataSource OpenDataSource(IConfiguration configuration)
    {
        var connectionString = configuration.GetConnectionString(DataServices.ConnectionName)
            ?? throw new InvalidOperationException(
                $"The database is not named: set ConnectionStrings__{DataServices.ConnectionName} or DATABASE_URL.");
        var connection = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // Finds out that the peer is gone while LISTEN waits in silence.
            KeepAlive = 10,
        };
        return NpgsqlDataSource.Create(connection);
    }
}
