using System.Diagnostics;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Npgsql;
using TaskTracker.AppHost.LocalServices;
using TaskTracker.Benchmarks.Load;
using TaskTracker.Benchmarks.Reference;
using TaskTracker.Tests;
using TaskTracker.Tests.Chaos;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>
/// What a run measures: PostgreSQL and Redis, the services and the reference, each a process of its own that talks to the others
/// directly, filled with data. All of them end with it, however it ends.
/// </summary>
internal sealed class Bench : IAsyncDisposable
{
    private const string Registered = "bench";
    private const string DatabaseSetting = "ConnectionStrings__tasktracker";
    private const string CacheSetting = "ConnectionStrings__cache";

    private readonly PostgresForTests _postgres;
    private readonly RedisForTests _redis;
    private readonly List<Replica> _replicas = [];
    private readonly List<NpgsqlDataSource> _databases = [];
    private readonly string _logs;
    private readonly string _dataProtectionKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly string _password = $"{Guid.NewGuid():N}";
    private readonly long _begun = Stopwatch.GetTimestamp();

    private Bench(RunOptions options, PostgresForTests postgres, RedisForTests redis, Wrk wrk, PgBench pgBench, CancellationToken cancelled)
    {
        Options = options;
        _postgres = postgres;
        _redis = redis;
        Wrk = wrk;
        PgBench = pgBench;
        Cancelled = cancelled;
        Meter.Watch("postgres", () => postgres.ProcessId);
        Meter.Watch("redis", () => redis.ProcessId);
        _logs = Path.Combine(Path.GetDirectoryName(options.Json)!, "logs");
    }

    public RunOptions Options { get; }

    /// <summary>Ends everything that waits.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>The system with all the data.</summary>
    public Tracker Main { get; private set; } = null!;

    /// <inheritdoc cref="Tracker.ConnectionString" />
    public string ConnectionString => Main.ConnectionString;

    /// <summary>The cache's connection string.</summary>
    public string RedisConnectionString => _redis.ConnectionString;

    /// <inheritdoc cref="Tracker.Database" />
    public NpgsqlDataSource Database => Main.Database;

    /// <summary>Watches every process that was started here.</summary>
    public ProcessMeter Meter { get; } = new();

    public Wrk Wrk { get; }

    public PgBench PgBench { get; }

    /// <summary>The one replica of the jobs service that is always there.</summary>
    public Replica Jobs { get; private set; } = null!;

    /// <summary>The one replica of the API that is always there.</summary>
    public Replica Api => Main.Api;

    /// <summary>The bare server that figures are compared with.</summary>
    public ReferenceClient Reference { get; private set; } = null!;

    /// <inheritdoc cref="Tracker.Users" />
    public LoggedInUsers Users => Main.Users;

    /// <inheritdoc cref="Tracker.FirstUser" />
    public int FirstUser => Main.FirstUser;

    /// <summary>Starts everything and loads the data.</summary>
    public static async Task<Bench> StartAsync(RunOptions options, CancellationToken cancelled)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new BenchmarkException("The benchmarks read from Linux what processes use: run them there.");
        }

        var programs = LocalFolders.OfUser().Programs;
        var wrk = await Wrk.GetAsync(programs, Console.Error.WriteLine, cancelled);
        var pgBench = await PgBench.GetAsync(programs, Console.Error.WriteLine, cancelled);
        // Durable: what is measured is what is promised.
        var postgres = await Servers.StartPostgresAsync(durable: true);
        var redis = await Servers.StartRedisAsync();
        var bench = new Bench(options, postgres, redis, wrk, pgBench, cancelled);
        try
        {
            await bench.FillAsync();
            return bench;
        }
        catch
        {
            await bench.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one more replica of a service and waits until it is healthy.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="service">Its project.</param>
    /// <param name="settings">Settings beside the usual ones.</param>
    public async Task<Replica> StartReplicaAsync(string name, string service, params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>
        {
            // Its defaults for logging, telemetry and everything else are what is measured.
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            [CacheSetting] = RedisConnectionString,
            ["DataProtection__Key"] = _dataProtectionKey,
            ["RateLimits__PerUser"] = "0",
            ["RateLimits__PerAddress"] = "0",
            ["RateLimits__CredentialsPerAddress"] = "0",
            ["Shutdown__Delay"] = "00:00:00",
        };
        if (Main is not null)
        {
            environment[DatabaseSetting] = ConnectionString;
        }

        foreach (var (setting, value) in settings)
        {
            environment[setting] = value;
        }

        var replica = new Replica(
            service, Path.Combine(_logs, $"{name}.log"), environment, service == typeof(Bench).Assembly.GetName().Name ? [ReferenceServer.Argument] : []);
        // Several start at once.
        lock (_replicas)
        {
            _replicas.Add(replica);
            Meter.Watch(name, () => replica.ProcessId);
        }

        await replica.StartAsync();
        await replica.HealthyAsync();

        return replica;
    }

    /// <summary>Starts an API over a database of its own, and fills it.</summary>
    /// <param name="name">What is added to the names of its processes.</param>
    /// <param name="users">How many users it gets.</param>
    /// <param name="tasks">How many tasks it gets.</param>
    /// <returns>The system, and its jobs service, which brought the tables.</returns>
    public async Task<(Tracker Tracker, Replica Jobs)> AddTrackerAsync(string name, int users, int tasks)
    {
        var connectionString = Plain(await _postgres.CreateDatabaseAsync());
        var database = NpgsqlDataSource.Create(connectionString);
        int number;
        lock (_databases)
        {
            number = _databases.Count;
            _databases.Add(database);
        }

        // Numbers of owners are those of another database as well: each has keys of its own.
        (string, string)[] settings = [(DatabaseSetting, connectionString), (CacheSetting, $"{RedisConnectionString},defaultDatabase={number}")];
        // The API is healthy once the tables are there.
        var starting = StartReplicaAsync("jobs" + name, "TaskTracker.Jobs", settings);
        var api = await StartReplicaAsync("api" + name, "TaskTracker.Api", settings);
        var jobs = await starting;

        using var registered = await api.Client.PostAsJsonAsync(
            "/auth/register", new { username = Registered, email = $"{Registered}@example.com", password = _password }, Cancelled);
        registered.EnsureSuccessStatusCode();

        Say($"loading {tasks:N0} tasks of {users:N0} users ...");
        var firstUser = await SeedData.AddUsersAsync(database, users, Registered, Cancelled);
        await SeedData.AddTasksAsync(database, firstUser, tasks, Cancelled);

        return (new(connectionString, database, api, new(api.Client, firstUser, _password), firstUser), jobs);
    }

    /// <summary>Ends a replica for good.</summary>
    public void Stop(Replica replica)
    {
        lock (_replicas)
        {
            _replicas.Remove(replica);
            Meter.Forget(replica.ProcessId);
        }

        replica.Dispose();
    }

    /// <summary>Tells whoever waits how far it is.</summary>
    public void Say(string what) => Console.Error.WriteLine($"{Stopwatch.GetElapsedTime(_begun):mm\\:ss} {what}");

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            replica.Dispose();
        }

        foreach (var database in _databases)
        {
            await database.DisposeAsync();
        }

        _redis.Dispose();
        _postgres.Dispose();
    }

    private async Task FillAsync()
    {
        Say($"starting the services, which write to {_logs} ...");
        if (Directory.Exists(_logs))
        {
            Directory.Delete(_logs, recursive: true);
        }

        Directory.CreateDirectory(_logs);
        (Main, Jobs) = await AddTrackerAsync("", Options.Users, Options.Tasks);
        Reference = new(await StartReplicaAsync("reference", "TaskTracker.Benchmarks"));
    }

    // Tests drop idle connections early, and show values in errors.
    private static string Plain(string connectionString)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        connection.Remove("Connection Idle Lifetime");
        connection.Remove("Connection Pruning Interval");
        connection.Remove("Include Error Detail");

        return connection.ConnectionString;
    }
}
