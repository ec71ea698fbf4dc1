using System.Globalization;
using Npgsql;
using TaskTracker.AppHost.LocalServices;
using TaskTracker.Benchmarks.Results;

namespace TaskTracker.Benchmarks.Load;

/// <summary>PostgreSQL's own load generator: prepared statements, each client as soon as it has its answer.</summary>
internal sealed class PgBench
{
    private static readonly ProgramPackages s_packages = new(
        "pgbench", "pgbench", ["postgresql"],
        "install pgbench so that it is in PATH (Debian: 'apt install postgresql-client postgresql-contrib', Fedora: 'dnf install postgresql-contrib')");

    private readonly SystemProgram _program;

    private PgBench(SystemProgram program) => _program = program;

    /// <summary>Finds the program, or fetches it.</summary>
    public static async Task<PgBench> GetAsync(string programs, Action<string> report, CancellationToken cancellationToken) =>
        new(await SystemProgram.GetAsync(s_packages, programs, report, cancellationToken));

    /// <summary>Runs a script again and again.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="script">One transaction, in pgbench's language.</param>
    /// <param name="clients">How many run it at once.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Transactions per second, and how long they took.</returns>
    /// <exception cref="BenchmarkException">A transaction failed.</exception>
    public async Task<Sample> RunAsync(string connectionString, string script, int clients, TimeSpan duration, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("pgbench");
        try
        {
            var file = Path.Combine(folder.FullName, "script.sql");
            await File.WriteAllTextAsync(file, script, cancellationToken);
            var server = new NpgsqlConnectionStringBuilder(connectionString);
            var environment = new Dictionary<string, string>(_program.Environment)
            {
                ["PGHOST"] = server.Host!,
                ["PGPORT"] = $"{server.Port}",
                ["PGUSER"] = server.Username!,
                ["PGPASSWORD"] = server.Password!,
                ["PGDATABASE"] = server.Database!,
            };
            var result = await Tool.RunAsync(
                _program.Program,
                ["--no-vacuum", "--protocol", "prepared", "--client", $"{clients}", "--time", $"{duration.TotalSeconds:0}", "--log", "--file", file],
                duration + TimeSpan.FromSeconds(30),
                cancellationToken,
                folder.FullName,
                environment: environment);
            if (result.ExitCode != 0)
            {
                throw new BenchmarkException($"pgbench ended with {result.ExitCode}: {result.LastWords}");
            }

            // One line each: client, transaction, microseconds, script, when it ended.
            var times = Directory.EnumerateFiles(folder.FullName, "pgbench_log.*").SelectMany(File.ReadLines)
                .Select(line => double.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture) / 1000)
                .Order().ToList();
            return times.Count == 0
                ? throw new BenchmarkException($"pgbench ended no transaction: {result.LastWords}")
                : new Sample(times.Count / duration.TotalSeconds, Percentiles.Of(times, 50), Percentiles.Of(times, 99));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
