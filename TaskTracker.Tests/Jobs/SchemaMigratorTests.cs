using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Jobs.Schema;

namespace TaskTracker.Tests.Jobs;

public sealed class SchemaMigratorTests
{
    [Fact]
    public async Task Two_replicas_that_start_together_on_an_empty_database_both_come_up()
    {
        var connectionString = await Servers.CreateDatabaseAsync();
        await using var one = new JobsHost(connectionString);
        await using var two = new JobsHost(connectionString);

        await JobsHost.StartAsync(one, two);

        foreach (var replica in new[] { one, two })
        {
            using var client = replica.CreateClient();
            await Eventually.TrueAsync("the replica is healthy", async () =>
            {
                using var health = await client.GetAsync(new Uri("/health", UriKind.Relative));
                return health.StatusCode == HttpStatusCode.OK;
            });
            var scheduler = await replica.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
            Assert.NotNull(await scheduler.GetJobDetail(JobKeys.SendTaskReminder));
        }
    }

    [Fact]
    public async Task A_database_that_does_not_answer_stops_the_start_with_a_sentence()
    {
        await using var database = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Database=tasktracker;Username=none;Password=secret");
        var migrator = new SchemaMigrator(database, null!, null!, null!, null!, new LeapingClock(), NullLogger<SchemaMigrator>.Instance);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => migrator.StartAsync(CancellationToken.None));

        Assert.Contains("ConnectionStrings:tasktracker did not answer within 60 s", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_created_while_the_service_waits_is_migrated()
    {
        var neighbour = await Servers.CreateDatabaseAsync();
        var connection = new NpgsqlConnectionStringBuilder(neighbour);
        var name = connection.Database + "_late";
        connection.Database = name;
        await using var replica = new JobsHost(connection.ConnectionString);

        var start = JobsHost.StartAsync(replica);
        await using var database = NpgsqlDataSource.Create(neighbour);
        await using var create = database.CreateCommand($"create database {name}");
        await create.ExecuteNonQueryAsync();

        await start.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task While_a_long_query_reads_a_table_its_migration_holds_up_nobody_else()
    {
        var database = await JobsDatabase.CreateEmptyAsync();
        await using (var db = database.Open())
        {
            // The next one changes the table of tasks.
            await db.GetService<IMigrator>().MigrateAsync("20261122080000_LogLevels");
        }

        await using var source = NpgsqlDataSource.Create($"{database.ConnectionString};Command Timeout=20");
        await using var reader = await source.OpenConnectionAsync();
        await using var reading = await reader.BeginTransactionAsync();
        await new NpgsqlCommand("select from tasks", reader).ExecuteNonQueryAsync();
        await using var replica = new JobsHost(database.ConnectionString);
        var start = JobsHost.StartAsync(replica);

        for (var i = 0; i < 3; i++)
        {
            await Eventually.TrueAsync("the migration waits", async () => await database.QueryAsync<long>(
                "select count(*) from pg_locks where relation = 'tasks'::regclass and not granted") > 0);
            await using var another = source.CreateCommand("select from tasks");
            await another.ExecuteNonQueryAsync();
        }

        Assert.False(start.IsCompleted);
        await reading.CommitAsync();
        await start.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, await database.QueryAsync<long>("select count(completed_at) from tasks"));
    }

    [Fact]
    public async Task No_connection_stays_as_impatient_as_the_migration_was()
    {
        await using var replica = new JobsHost(await Servers.CreateDatabaseAsync());
        await JobsHost.StartAsync(replica);

        // More at once than the pool can have held when the migration ended.
        var scopes = Enumerable.Range(0, 16).Select(_ => replica.Services.CreateAsyncScope()).ToList();
        foreach (var scope in scopes)
        {
            var database = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>().Database;
            await database.OpenConnectionAsync();
            Assert.Equal("0", await database.SqlQuery<string>($"""select current_setting('lock_timeout') as "Value" """).SingleAsync());
        }

        foreach (var scope in scopes)
        {
            await scope.DisposeAsync();
        }
    }

    // A minute passes between any two looks.
    private sealed class LeapingClock : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _seconds += 61;
    }
}
