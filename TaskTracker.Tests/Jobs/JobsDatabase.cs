using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Notifications;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Tests.Jobs;

/// <summary>A database of one test's own, with one user, and what tests of jobs do in it.</summary>
internal sealed class JobsDatabase
{
    private JobsDatabase(string connectionString) => ConnectionString = connectionString;

    public string ConnectionString { get; }

    public int OwnerId { get; private set; }

    /// <summary>Creates the database and nothing in it.</summary>
    public static async Task<JobsDatabase> CreateEmptyAsync() => new(await Servers.CreateDatabaseAsync());

    /// <summary>Creates the database and migrates TaskTracker's tables; Quartz's are left to the service.</summary>
    public static async Task<JobsDatabase> CreateAsync()
    {
        var database = await CreateEmptyAsync();
        await using var db = database.Open();
        await db.Database.MigrateAsync();

        var owner = new User { UserName = "ada", NormalizedUserName = "ADA", Email = "ada@example.org", NormalizedEmail = "ADA@EXAMPLE.ORG" };
        db.Users.Add(owner);
        await db.SaveChangesAsync();
        database.OwnerId = owner.Id;

        return database;
    }

    public TaskTrackerDbContext Open(string sessionOptions = "", params IInterceptor[] interceptors) =>
        new(new DbContextOptionsBuilder<TaskTrackerDbContext>()
            .UseNpgsql($"{ConnectionString};{sessionOptions}")
            .AddInterceptors(interceptors)
            .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning))
            .Options);

    /// <summary>Adds tasks that have one reminder each, due at <paramref name="dueAt"/>.</summary>
    public async Task<IReadOnlyList<long>> AddTasksAsync(
        int count, DateTimeOffset dueAt, TimeSpan leadTime = default, string? traceParent = null, bool notify = false)
    {
        await using var db = Open();
        var tasks = Enumerable.Range(1, count)
            .Select(number => new TaskItem { OwnerId = OwnerId, Title = $"task {number}", Deadline = dueAt + leadTime })
            .ToList();
        db.Tasks.AddRange(tasks);
        db.Reminders.AddRange(tasks.Select(task =>
            new Reminder { Task = task, LeadTime = leadTime, DueAt = dueAt, TraceParent = traceParent }));

        await using var transaction = await db.Database.BeginTransactionAsync();
        await db.SaveChangesAsync();
        if (notify)
        {
            await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.Channel}, {dueAt.ToString("O")})");
        }

        await transaction.CommitAsync();
        return [.. tasks.Select(task => task.Id)];
    }

    public async Task<long> AddTaskAsync(
        DateTimeOffset dueAt, TimeSpan leadTime = default, string? traceParent = null, bool notify = false) =>
        (await AddTasksAsync(1, dueAt, leadTime, traceParent, notify)).Single();

    public async Task<IReadOnlyList<Notification>> NotificationsAsync()
    {
        await using var db = Open();
        return await db.Notifications.AsNoTracking().OrderBy(notification => notification.Id).ToListAsync();
    }

    public async Task<int> PendingAsync()
    {
        await using var db = Open();
        return await db.Reminders.CountAsync();
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(ConnectionString);
        await using var command = database.CreateCommand(sql);
        // A hundred thousand rows take their time on a machine that has more to do.
        command.CommandTimeout = 300;
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> QueryAsync<T>(string sql)
    {
        await using var database = NpgsqlDataSource.Create(ConnectionString);
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
