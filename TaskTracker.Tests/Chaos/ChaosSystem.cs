using Npgsql;
using TaskTracker.Tests.Api;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>
/// The services as processes over a Postgres and a Redis of one test's own. What they write is kept below
/// <c>artifacts/chaos</c>, and the end of it is shown when the test fails.
/// </summary>
internal sealed class ChaosSystem : IAsyncDisposable
{
    /// <summary>How long before its deadline a task's reminder goes out.</summary>
    public static readonly TimeSpan LeadTime = TimeSpan.FromMinutes(10);

    private const int ShownLines = 40;

    private readonly List<Replica> _replicas = [];
    private readonly PostgresForTests _postgres;
    private readonly RedisForTests _redis;
    private readonly string _connectionString;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly string _logs;
    private readonly ITestOutputHelper _output;

    private ChaosSystem(PostgresForTests postgres, RedisForTests redis, string connectionString, IReadOnlyDictionary<string, string> settings, string logs, ITestOutputHelper output)
    {
        _postgres = postgres;
        _redis = redis;
        _connectionString = connectionString;
        _settings = settings;
        _logs = logs;
        _output = output;
        Database = NpgsqlDataSource.Create(connectionString);
    }

    /// <summary>The tests' own connections.</summary>
    public NpgsqlDataSource Database { get; }

    /// <summary>The replicas of the jobs service.</summary>
    public IReadOnlyList<Replica> Jobs { get; private set; } = [];

    /// <summary>The replicas of the API.</summary>
    public IReadOnlyList<Replica> Apis { get; private set; } = [];

    /// <summary>Runs a test over a system of its own.</summary>
    /// <param name="output">Told where the logs are, and their ends where the test fails.</param>
    /// <param name="name">The folder of the logs.</param>
    /// <param name="jobs">How many replicas of the jobs service start.</param>
    /// <param name="apis">How many replicas of the API start.</param>
    /// <param name="test">The test.</param>
    public static Task RunAsync(ITestOutputHelper output, string name, int jobs, int apis, Func<ChaosSystem, Task> test) =>
        RunAsync(output, name, jobs, apis, new Dictionary<string, string>(), test);

    /// <summary>Runs a test over a system whose services have more settings than all systems have.</summary>
    public static async Task RunAsync(
        ITestOutputHelper output, string name, int jobs, int apis, IReadOnlyDictionary<string, string> settings, Func<ChaosSystem, Task> test)
    {
        await using var system = await CreateAsync(output, name, settings);
        try
        {
            system.Jobs = [.. Enumerable.Range(1, jobs).Select(_ => system.Add("TaskTracker.Jobs"))];
            system.Apis = [.. Enumerable.Range(1, apis).Select(_ => system.Add("TaskTracker.Api"))];
            await Task.WhenAll(system._replicas.Select(replica => replica.StartAsync()));
            await Task.WhenAll(system._replicas.Select(replica => replica.HealthyAsync()));

            await test(system);
        }
        catch
        {
            // Whatever it was, they say more of it.
            system.ShowLogs();
            throw;
        }
    }

    /// <summary>Starts one more replica of the jobs service and waits until it does its work.</summary>
    public async Task<Replica> AddJobsAsync()
    {
        var replica = Add("TaskTracker.Jobs");
        await replica.StartAsync();
        await replica.HealthyAsync();

        return replica;
    }

    /// <summary>A new user, who is logged in at every replica of the API.</summary>
    public async Task<ChaosUser> CreateUserAsync()
    {
        HttpClient[] clients = [.. Apis.Select(api => new HttpClient { BaseAddress = api.Client.BaseAddress })];
        var user = await clients[0].SignUpAsync();
        foreach (var client in clients)
        {
            client.Authorize(user);
        }

        return new ChaosUser(user.Id, clients);
    }

    /// <summary>
    /// Adds tasks, numbered in their titles from one. With <paramref name="firstDue"/> each has a reminder; they fall due
    /// evenly spread over <paramref name="over"/>.
    /// </summary>
    public Task AddTasksAsync(int owner, int count, DateTimeOffset? firstDue = null, TimeSpan over = default) => ExecuteAsync(
        """
        with added as (
            insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
            select $1, 'task ' || i, repeat('x', 200), false, $3 + $4 * i / $2 + $5, now(), now() from generate_series(1, $2) i
            returning id, deadline
        )
        insert into reminders (task_id, lead_time, due_at) select id, $5, deadline - $5 from added where deadline is not null
        """,
        owner,
        count,
        firstDue is { } due ? due.ToUniversalTime() : DBNull.Value,
        over,
        LeadTime);

    public async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> QueryAsync<T>(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>All values of the only column.</summary>
    public async Task<List<T>> ListAsync<T>(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        await using var rows = await command.ExecuteReaderAsync();
        var list = new List<T>();
        while (await rows.ReadAsync())
        {
            list.Add(rows.GetFieldValue<T>(0));
        }

        return list;
    }

    /// <summary>Begins a transaction that holds what the statement locks, until it is disposed of.</summary>
    public async Task<NpgsqlConnection> HoldAsync(string sql, params object[] values)
    {
        var connection = await Database.OpenConnectionAsync();
        await connection.BeginTransactionAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        Bind(command, values);
        await command.ExecuteNonQueryAsync();

        return connection;
    }

    /// <summary>Restarts the database under everybody's hands.</summary>
    public async Task RestartPostgresAsync(bool crash)
    {
        if (crash)
        {
            _postgres.Crash();
        }
        else
        {
            _postgres.Stop();
        }

        await _postgres.StartAsync();
        Database.Clear();
    }

    /// <summary>Waits until no operation is open any more.</summary>
    public Task OperationsEndedAsync(TimeSpan within) => Eventually.GetAsync("every operation ends", within, async _ =>
        await QueryAsync<long>("select count(*) from operations where status in ('pending', 'running')") == 0 ? "ended" : null);

    /// <summary>Waits until every reminder is delivered or dropped.</summary>
    public Task RemindersGoneAsync(TimeSpan within) => Eventually.GetAsync("every reminder goes out", within, async _ =>
        await QueryAsync<long>("select count(*) from reminders") == 0 ? "gone" : null);

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            replica.Dispose();
        }

        await Database.DisposeAsync();
        _redis.Dispose();
        _postgres.Dispose();
    }

    private static async Task<ChaosSystem> CreateAsync(ITestOutputHelper output, string name, IReadOnlyDictionary<string, string> settings)
    {
        // artifacts/bin/PROJECT/CONFIGURATION
        var artifacts = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.FullName;
        var logs = Path.Combine(artifacts, "chaos", name);
        if (Directory.Exists(logs))
        {
            Directory.Delete(logs, recursive: true);
        }

        Directory.CreateDirectory(logs);
        output.WriteLine($"logs: {logs}");
        var postgres = await Servers.StartPostgresAsync(durable: true);
        return new ChaosSystem(postgres, await Servers.StartRedisAsync(), await postgres.CreateDatabaseAsync(), settings, logs, output);
    }

    private Replica Add(string service)
    {
        var environment = new Dictionary<string, string>(_settings)
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["ConnectionStrings__tasktracker"] = _connectionString,
            ["ConnectionStrings__cache"] = _redis.ConnectionString,
            ["Reminders__LeadTimes"] = LeadTime.ToString("c"),
            ["Logging__Console__FormatterOptions__TimestampFormat"] = "HH:mm:ss.fff ",
        };
        var replica = new Replica(service, Path.Combine(_logs, $"{service}-{_replicas.Count + 1}.log"), environment);
        _replicas.Add(replica);

        return replica;
    }

    private NpgsqlCommand Command(string sql, object[] values)
    {
        var command = Database.CreateCommand(sql);
        Bind(command, values);
        return command;
    }

    private static void Bind(NpgsqlCommand command, object[] values)
    {
        foreach (var value in values)
        {
            command.Parameters.Add(value is DBNull
                ? new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz }
                : new NpgsqlParameter { Value = value });
        }
    }

    private void ShowLogs()
    {
        foreach (var log in _replicas.Select(replica => replica.Log).Where(File.Exists))
        {
            _output.WriteLine($"--- the end of {log}");
            foreach (var line in File.ReadLines(log).TakeLast(ShownLines))
            {
                _output.WriteLine(line);
            }
        }
    }
}

/// <summary>Somebody who is logged in, with a client of each replica of the API.</summary>
internal sealed record ChaosUser(int Id, IReadOnlyList<HttpClient> Clients);

/// <summary>Tests that take processes away. They keep both cores busy, so no other test runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ChaosTests
{
    public const string Name = "Chaos";
}
