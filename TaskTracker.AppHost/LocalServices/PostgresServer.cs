using System.Diagnostics;
using System.Security.Cryptography;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>Makes PostgreSQL servers ready to start: over a data folder that is complete and that nobody else uses.</summary>
internal static class PostgresServer
{
    /// <summary>The one database user; a server's password is this user's.</summary>
    public const string User = "postgres";

    private const string Unfinished = ".new";
    private static readonly TimeSpan InitializeLimit = TimeSpan.FromMinutes(2);

    // Longer than the orchestrator needs to end the servers of an AppHost that was killed.
    private static readonly TimeSpan FormerServerLimit = TimeSpan.FromSeconds(15);

    /// <summary>Makes the data folder ready for a server: new on first use, checked later.</summary>
    /// <param name="binaries">The programs.</param>
    /// <param name="folder">Holds the data folder, named by major version, and the file with its password.</param>
    /// <param name="database">The database to create with the data.</param>
    /// <param name="durable">False trades the safety of the data for speed, for data that is thrown away.</param>
    /// <param name="report">Told what takes its time.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="LocalServiceException">The data is of another version or in use, or the disk refuses.</exception>
    public static async Task<LocalServer> PrepareAsync(
        PostgresBinaries binaries, string folder, string database, bool durable, Action<string> report, CancellationToken cancellationToken)
    {
        var data = Path.Combine(folder, $"postgres-{binaries.MajorVersion}");
        var passwordFile = data + ".password";
        try
        {
            RefuseDataOfAnotherVersion(folder, data, binaries.MajorVersion);
            if (!Directory.Exists(data))
            {
                report($"Creating the database in {data} ...");
                await InitializeAsync(binaries, data, passwordFile, database, durable, cancellationToken);
            }

            await WaitForFormerServerAsync(data, cancellationToken);
            if (!File.Exists(passwordFile))
            {
                throw new LocalServiceException($"The password of {data} is missing: put {passwordFile} back, or move the folder away to start with an empty database.");
            }

            return new LocalServer(CreateCommand(binaries, data, durable), await File.ReadAllTextAsync(passwordFile, cancellationToken));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(folder, e);
        }
    }

    private static ServerCommand CreateCommand(PostgresBinaries binaries, string data, bool durable)
    {
        string[] settings =
        [
            "listen_addresses=localhost",
            "unix_socket_directories=",
            "max_connections=200",
            .. durable ? Array.Empty<string>() : ["fsync=off", "full_page_writes=off", "synchronous_commit=off"],
        ];

        return ServerCommand.Create([binaries["postgres"], "-D", data, .. settings.SelectMany(setting => new[] { "-c", setting }), "-p"]).WithFastStop();
    }

    private static void RefuseDataOfAnotherVersion(string folder, string data, int majorVersion)
    {
        string? other = null;
        if (Directory.Exists(data))
        {
            other = File.ReadAllText(Path.Combine(data, "PG_VERSION")).Trim() == $"{majorVersion}" ? null : data;
        }
        else if (Directory.Exists(folder))
        {
            other = Directory.EnumerateDirectories(folder, "postgres-*").FirstOrDefault(found => !found.EndsWith(Unfinished, StringComparison.Ordinal));
        }

        if (other is not null)
        {
            throw new LocalServiceException(
                $"{other} holds data of another version than the PostgreSQL {majorVersion} used now: take it over with pg_upgrade, or move the folder away to start with an empty database.");
        }
    }

    // Data is made beside its place and moved there when complete: a folder under its final name can be trusted.
    private static async Task InitializeAsync(
        PostgresBinaries binaries, string data, string passwordFile, string database, bool durable, CancellationToken cancellationToken)
    {
        var beside = data + Unfinished;
        if (Directory.Exists(beside))
        {
            Directory.Delete(beside, recursive: true);
        }

        File.Delete(passwordFile);
        ServerAccount.CreateFolder(beside);
        await PrivateFile.WriteAsync(passwordFile, RandomNumberGenerator.GetHexString(32, lowercase: true), cancellationToken);
        await ServerAccount.GiveAsync(passwordFile, cancellationToken);
        await ServerAccount.GiveAsync(beside, cancellationToken);

        await RunAsync(
            ["initdb", "--pgdata", beside, "--username", User, "--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
                .. durable ? Array.Empty<string>() : ["--no-sync"]]);
        await RunAsync(["postgres", "--single", "-D", beside, .. durable ? Array.Empty<string>() : ["-F"], "postgres"], $"CREATE DATABASE \"{database}\"\n");
        Directory.Move(beside, data);

        async Task RunAsync(string[] command, string? input = null)
        {
            string[] whole = [.. ServerAccount.Prefix, binaries[command[0]], .. command[1..]];
            var result = await Tool.RunAsync(whole[0], whole[1..], InitializeLimit, cancellationToken, Path.GetDirectoryName(data), input);

            // In single-user mode a failed statement does not show in the exit code.
            if (result.ExitCode != 0 || result.Output.Contains("ERROR:", StringComparison.Ordinal))
            {
                throw LocalServiceException.FromTool($"Creating the database in {data} ({command[0]})", data, result);
            }
        }
    }

    // Postgres itself refuses a second server on its data; this waits for one that is still ending, and names the cause otherwise.
    private static async Task WaitForFormerServerAsync(string data, CancellationToken cancellationToken)
    {
        var pidFile = Path.Combine(data, "postmaster.pid");
        for (var end = Environment.TickCount64 + FormerServerLimit.TotalMilliseconds; RunningServer() is { } pid; await Task.Delay(100, cancellationToken))
        {
            if (Environment.TickCount64 > end)
            {
                throw new LocalServiceException($"Another PostgreSQL (process {pid}) runs on {data}: end that AppHost, or the process, and start again.");
            }
        }

        int? RunningServer()
        {
            if (!File.Exists(pidFile) || !int.TryParse(File.ReadLines(pidFile).FirstOrDefault(), out var pid))
            {
                return null;
            }

            try
            {
                using var process = Process.GetProcessById(pid);
                return process.ProcessName == "postgres" ? pid : null;
            }
            catch (ArgumentException)
            {
                return null;
            }
        }
    }
}
