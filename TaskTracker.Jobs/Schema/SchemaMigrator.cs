using Microsoft.EntityFrameworkCore;
using Npgsql;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Schema;

/// <summary>
/// Brings the database up to date before anything else of this service starts: TaskTracker's tables, Quartz's tables, the
/// stored jobs with their schedules, and what the API may do with all of it. Replicas that start together take turns.
/// </summary>
internal sealed partial class SchemaMigrator(
    NpgsqlDataSource database,
    IServiceScopeFactory scopes,
    ISchedulerFactory schedulers,
    Schedules schedules,
    ApiRole apiRole,
    TimeProvider clock,
    ILogger<SchemaMigrator> logger) : IHostedService
{
    /// <summary>How long to wait for the database to answer, and again for another replica to finish migrating.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    // Any number, as long as nothing else in this database takes an advisory lock under it.
    private const long LockKey = 0x7461736b_74726b72;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        if (connection.PostgreSqlVersion.Major < DataServices.OldestPostgres)
        {
            throw new InvalidOperationException(
                $"The database of ConnectionStrings:{DataServices.ConnectionName} is served by PostgreSQL {connection.PostgreSqlVersion.Major}: "
                + $"use PostgreSQL {DataServices.OldestPostgres} or later.");
        }

        await LockAsync(connection, cancellationToken);

        await MigrateAsync(cancellationToken);

        // Building the scheduler creates Quartz's tables and stores the declared jobs; it does not start it.
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        await schedules.StoreAsync(scheduler, cancellationToken);

        await apiRole.PrepareAsync(connection, cancellationToken);

        // A pooled connection keeps its locks until it is used again, so this one is given back by name.
        await using var unlock = new NpgsqlCommand("select pg_advisory_unlock($1)", connection) { Parameters = { new() { Value = LockKey } } };
        await unlock.ExecuteNonQueryAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Whether another try may succeed: the server is not there yet, or its database is not.</summary>
    private static bool IsNotThereYet(Exception exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.InvalidCatalogName } => true,
        PostgresException { IsTransient: true } => true,
        PostgresException => false,
        NpgsqlException or TimeoutException => true,
        _ => false,
    };

    private async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                return await database.OpenConnectionAsync(cancellationToken);
            }
            catch (Exception exception) when (IsNotThereYet(exception))
            {
                if (clock.GetElapsedTime(started) > Limit)
                {
                    throw new InvalidOperationException(
                        $"The database of ConnectionStrings:{DataServices.ConnectionName} did not answer within {Limit.TotalSeconds:0} s: {exception.Message}",
                        exception);
                }

                LogNotThereYet(exception.Message);
                await Task.Delay(s_pause, clock, cancellationToken);
            }
        }
    }

    private static async Task LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var take = new NpgsqlCommand("select pg_advisory_lock($1)", connection)
        {
            Parameters = { new() { Value = LockKey } },
            CommandTimeout = (int)Limit.TotalSeconds,
        };
        try
        {
            await take.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (NpgsqlException exception) when (exception.InnerException is TimeoutException)
        {
            throw new InvalidOperationException(
                $"Another process has been migrating the database for more than {Limit.TotalSeconds:0} s: look at its log, or end it.",
                exception);
        }
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
                await db.Database.OpenConnectionAsync(cancellationToken);
                try
                {
                    // While a migration waits for a table that a long query reads, all requests wait behind it: it gives way and
                    // comes again, before the server looks for deadlocks and ends a request (1 s).
                    await db.Database.ExecuteSqlAsync($"set lock_timeout = '500ms'", cancellationToken);
                    await db.Database.MigrateAsync(cancellationToken);
                    return;
                }
                finally
                {
                    // Whoever got this connection from the pool would wait no longer either: it is closed instead.
                    NpgsqlConnection.ClearPool((NpgsqlConnection)db.Database.GetDbConnection());
                }
            }
            catch (Exception exception) when (HadToGiveWay(exception))
            {
                if (clock.GetElapsedTime(started) > Limit)
                {
                    throw new InvalidOperationException(
                        $"The schema could not be brought up to date within {Limit.TotalSeconds:0} s, because others were using its tables all the time: "
                        + "end what has been running for long in pg_stat_activity, or start again later.",
                        exception);
                }

                LogGaveWay();
                await Task.Delay(s_pause, clock, cancellationToken);
            }
        }
    }

    // The context's own retries wrap it.
    private static bool HadToGiveWay(Exception exception) =>
        (exception as PostgresException ?? exception.InnerException as PostgresException)?.SqlState
            is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected;

    [LoggerMessage(Level = LogLevel.Information, Message = "The schema's tables are in use: migrating gives way, and is tried again.")]
    private partial void LogGaveWay();

    [LoggerMessage(Level = LogLevel.Information, Message = "The database is not there yet: {Reason}")]
    private partial void LogNotThereYet(string reason);
}
