using System.Data.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
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

    // Runs are written down together this often: one by one, each would be a transaction, and all runs of a job would wait
    // for each other at the row that counts them. What became of an operation stands in its own row: a node that dies takes
    // no more with it than the lines of its last moment.
    private static readonly TimeSpan s_historyInterval = TimeSpan.FromMilliseconds(100);

    // A node that stands still in the middle of a transaction would hold its locks, and with them every other node.
    private static readonly TimeSpan s_longestIdleInTransaction = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Adds a scheduler that is one of the cluster, and the <see cref="NpgsqlDataSource"/> that it uses. Whether it runs
    /// jobs, or only stores firings, is not said here.
    /// </summary>
    /// <param name="builder">The service that is being built.</param>
    /// <param name="ownsSchema">Whether it creates the tables that are missing.</param>
    public static void AddSchedulerCluster(this IHostApplicationBuilder builder, bool ownsSchema)
    {
        builder.Services.AddSingleton(_ => OpenDataSource(builder.Configuration, runsJobs: ownsSchema));
        builder.Services.AddSingleton<DbDataSource>(services => services.GetRequiredService<NpgsqlDataSource>());
        builder.AddQuartz(quartz => Configure(quartz, ownsSchema));
        builder.Services.AddQuartzExecutionHistory(history =>
        {
            history.Retention = s_historyRetention;
            history.RetentionByResult[JobRunResult.Skipped] = s_skippedRetention;
            // A job that runs all the time must not crowd out the others; failures are kept whatever their number.
            history.MaxEntriesPerJob = 100_000;
            history.MaxEntriesPerScheduler = 1_000_000;
            // The input of a job is the id of an operation: a run that another node recovered says by it what it was for.
            history.RecordInput = true;
            history.WriteBehindInterval = s_historyInterval;
        });
    }

    private static void Configure(IQuartzBuilder quartz, bool ownsSchema)
    {
        quartz.ConfigureScheduler(scheduler =>
        {
            scheduler.InstanceName = Name;
            scheduler.DefaultTimeZone = TimeZoneInfo.Utc;
        });
        quartz.UsePersistentStore(store =>
        {
            // First, for the next brings one only where there is none.
            store.UseDriverDelegate<FullGroupsDelegate>();
            store.UsePostgres(source => source.UseRegisteredDataSource = true);
            if (ownsSchema)
            {
                store.ProvisionSchema();
            }

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
                // How long a node rests after an error, and with it everything that is due: a database that was restarted
                // is back within seconds.
                options.DbRetryInterval = TimeSpan.FromSeconds(1);
                // Storing a wake-up while another node fires it can deadlock (see decision 0003); the next try succeeds.
                options.TransientRetryInterval = TimeSpan.FromMilliseconds(100);
                // A node that is stopped hands what it was doing to another at once.
                options.RecoverFiringsCancelledByShutdown = true;
            });
        });
    }

    private static NpgsqlDataSource OpenDataSource(IConfiguration configuration, bool runsJobs)
    {
        var connectionString = configuration.GetConnectionString(DataServices.ConnectionName)
            ?? throw new InvalidOperationException(
                $"The database is not named: set ConnectionStrings__{DataServices.ConnectionName} or DATABASE_URL.");
        // What a node writes of its firings need not be on disk before it goes on: a database that crashes forgets the last of it,
        // and then the jobs are done again. What operators ask of the cluster through the API is not to be forgotten.
        var session = $"-c idle_in_transaction_session_timeout={s_longestIdleInTransaction.TotalMilliseconds} {DataServices.QueueSession}{(runsJobs ? " -c synchronous_commit=off" : "")}";
        return NpgsqlDataSource.Create(DataServices.WithDefaults(connectionString, session)!);
    }
}
