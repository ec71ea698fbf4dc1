using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests;

/// <summary>
/// A real Postgres and a real Redis for tests, each started when first asked for, shared by the whole test process and gone with it,
/// also when it is killed; what they leave on disk the next run deletes. No test sees another's data: each makes its own database and
/// uses its own Redis keys, or its own Redis.
/// </summary>
public static class Servers
{
    private static readonly LocalFolders Folders = LocalFolders.OfUser();
    private static readonly Lazy<Task<PostgresForTests>> Postgres = new(() => StartPostgresAsync(durable: false));
    private static readonly Lazy<Task<RedisForTests>> Redis = new(StartRedisAsync);

    /// <summary>Creates an empty database and returns its connection string.</summary>
    public static async Task<string> CreateDatabaseAsync() => await (await Postgres.Value).CreateDatabaseAsync();

    /// <summary>The connection string of the shared Redis.</summary>
    public static async Task<string> GetRedisAsync() => (await Redis.Value).ConnectionString;

    /// <summary>Starts a Redis for one test, which may stop it and start it again.</summary>
    public static async Task<RedisForTests> StartRedisAsync()
    {
        var binaries = await RedisBinaries.GetAsync(Folders.Programs, Console.WriteLine, CancellationToken.None);
        var folder = NewFolder();
        var server = await RedisServer.PrepareAsync(binaries, folder.Path, CancellationToken.None);
        // Where SAVE writes, and where a later start finds old keys.
        var data = Directory.CreateDirectory(Path.Combine(folder.Path, "data")).FullName;
        await ServerAccount.GiveAsync(data, CancellationToken.None);
        await File.AppendAllTextAsync(Path.Combine(folder.Path, "redis.conf"), $"dir {data}\n");
        var redis = new RedisForTests(server, folder);
        await redis.StartAsync();

        return redis;
    }

    /// <summary>Starts a Postgres for one test, which may stop it and start it again.</summary>
    /// <param name="durable">Whether what is committed outlives a crash of the server; without, it is faster.</param>
    public static async Task<PostgresForTests> StartPostgresAsync(bool durable)
    {
        var binaries = await PostgresBinaries.GetAsync(Folders.Programs, Console.WriteLine, CancellationToken.None);
        var folder = NewFolder();
        var server = await PostgresServer.PrepareAsync(binaries, folder.Path, "tasktracker", durable, Console.WriteLine, CancellationToken.None);
        var postgres = new PostgresForTests(server, folder);
        await postgres.StartAsync();

        return postgres;
    }

    internal static DataFolder NewFolder() => DataFolder.CreateThrowAway(Path.Combine(Folders.Data, "throw-away"));
}

/// <summary>A Postgres server on a port of its own, which keeps port, password and data over a stop and a start.</summary>
public sealed class PostgresForTests : IDisposable
{
    private readonly LocalServer postgres;
    private readonly DataFolder folder;
    private readonly NpgsqlConnectionStringBuilder connection;
    private ServerProcess? server;

    internal PostgresForTests(LocalServer postgres, DataFolder folder)
    {
        this.postgres = postgres;
        this.folder = folder;
        connection = new()
        {
            Host = "127.0.0.1",
            Port = ServerProcess.FreePort(),
            Username = PostgresServer.User,
            Password = postgres.Password,
            Database = "postgres",
            // Each test's database has a pool of its own: idle connections of all of them must not fill the server.
            ConnectionIdleLifetime = 5,
            ConnectionPruningInterval = 1,
            IncludeErrorDetail = true,
        };
    }

    /// <summary>The process that ends the server when it ends; the server's own are below it.</summary>
    public int ProcessId => server!.Process.Id;

    /// <summary>Creates an empty database and returns its connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var database = $"test_{Guid.NewGuid():N}";
        await using var admin = new NpgsqlConnection(connection.ConnectionString);
        await admin.OpenAsync();
        await using var create = new NpgsqlCommand($"CREATE DATABASE {database}", admin);
        await create.ExecuteNonQueryAsync();

        return new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Database = database }.ConnectionString;
    }

    /// <summary>Starts the server and returns when it answers.</summary>
    public async Task StartAsync() => server = await ServerProcess.StartAsync(postgres.Command, connection.Port, () => AnswersAsync(connection.ConnectionString));

    /// <summary>Ends the server, <c>-m fast</c>: open transactions are rolled back, connections break.</summary>
    public void Stop() => server?.Dispose();

    /// <summary>Ends the server, <c>-m immediate</c>: as in a crash, what it committed is found by the next start.</summary>
    public void Crash()
    {
        var pidFile = Directory.GetFiles(folder.Path, "postmaster.pid", SearchOption.AllDirectories).Single();
        Signals.Send("QUIT", int.Parse(File.ReadLines(pidFile).First(), CultureInfo.InvariantCulture));
        server!.Process.WaitForExit(TimeSpan.FromSeconds(30));
        server.Dispose();
    }

    /// <summary>Ends the server for good.</summary>
    public void Dispose()
    {
        Stop();
        folder.Dispose();
    }

    internal static async Task<bool> AnswersAsync(string connectionString)
    {
        try
        {
            await PostgresHealthCheck.SelectAsync(connectionString, CancellationToken.None);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}

/// <summary>A Redis server on a port of its own, which keeps port and password over a stop and a start.</summary>
public sealed class RedisForTests : IDisposable
{
    private readonly LocalServer redis;
    private readonly DataFolder folder;
    private readonly int port = ServerProcess.FreePort();
    private ServerProcess? server;

    internal RedisForTests(LocalServer redis, DataFolder folder)
    {
        this.redis = redis;
        this.folder = folder;
    }

    /// <summary>What StackExchange.Redis is configured with.</summary>
    public string ConnectionString => $"127.0.0.1:{port},password={redis.Password}";

    /// <summary>The process that ends the server when it ends; the server itself is below it.</summary>
    public int ProcessId => server!.Process.Id;

    /// <summary>Starts the server, empty unless <c>SAVE</c> was called before, and returns when it answers.</summary>
    public async Task StartAsync() => server = await ServerProcess.StartAsync(redis.Command.WithFastStop(), port, () => AnswersAsync(ConnectionString));

    /// <summary>Ends the server; connections to it break.</summary>
    public void Stop() => server?.Dispose();

    /// <summary>Ends the server for good.</summary>
    public void Dispose()
    {
        Stop();
        folder.Dispose();
    }

    internal static async Task<bool> AnswersAsync(string connectionString)
    {
        try
        {
            return await RedisHealthCheck.PingAsync(connectionString, CancellationToken.None) is null;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}

/// <summary>A server process that ends when this process does: it watches a pipe that only this process holds.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private readonly StringBuilder output = new();

    private ServerProcess(Process process)
    {
        Process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Process Process { get; }

    public string Output
    {
        get
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts a server and waits until it answers.</summary>
    public static async Task<ServerProcess> StartAsync(ServerCommand command, int port, Func<Task<bool>> answers)
    {
        var start = new ProcessStartInfo(command.Program, [.. command.Arguments, $"{port}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        var server = new ServerProcess(Process.Start(start)!);
        using var limit = new CancellationTokenSource(StartLimit);
        while (!await answers())
        {
            if (server.Process.HasExited || limit.IsCancellationRequested)
            {
                server.Dispose();
                throw new InvalidOperationException($"{command.Program} did not start: {server.Output}");
            }

            await Task.Delay(50);
        }

        return server;
    }

    public void Dispose()
    {
        try
        {
            Process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }

        if (!Process.WaitForExit(StopLimit))
        {
            Process.Kill(entireProcessTree: true);
        }
    }

    private void Keep(string? line)
    {
        lock (output)
        {
            // Enough to say why a start failed.
            if (output.Length < 100_000)
            {
                output.AppendLine(line);
            }
        }
    }
}

/// <summary>Signals to processes, which .NET itself cannot send.</summary>
internal static class Signals
{
    /// <summary>Sends a signal, named as <c>kill</c> names it.</summary>
    public static void Send(string signal, int process)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {process}"]);
        kill.WaitForExit();
    }
}
