using System.Globalization;
using System.Text.Json;
using TaskTracker.AppHost.LocalServices;
using TaskTracker.Benchmarks.Results;

namespace TaskTracker.Benchmarks.Load;

/// <summary>The load generator of HTTP: a closed loop in one thread, which costs both sides of a comparison the same.</summary>
internal sealed class Wrk
{
    private const string Marker = "RESULT ";

    private static readonly ProgramPackages s_packages = new(
        "wrk", "wrk", ["wrk"], "install wrk so that it is in PATH (Debian and Ubuntu: 'apt install wrk', Fedora: 'dnf install wrk')");

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly SystemProgram _program;
    private long _firstNumber = 1_000_000_000;

    private Wrk(SystemProgram program) => _program = program;

    /// <summary>Finds the program, or fetches it.</summary>
    public static async Task<Wrk> GetAsync(string programs, Action<string> report, CancellationToken cancellationToken) =>
        new(await SystemProgram.GetAsync(s_packages, programs, report, cancellationToken));

    /// <summary>Puts a server under load.</summary>
    /// <returns>Requests per second, and how long they took.</returns>
    /// <exception cref="BenchmarkException">A request was refused or broke, or its answer was not the expected one.</exception>
    public async Task<Sample> RunAsync(HttpLoad load, int connections, TimeSpan duration, CancellationToken cancellationToken)
    {
        var file = Path.GetTempFileName();
        try
        {
            // Created for its owner alone: it holds tokens.
            await File.WriteAllTextAsync(file, string.Join('\0', load.Requests), cancellationToken);
            var environment = new Dictionary<string, string>(_program.Environment)
            {
                ["WRK_REQUESTS"] = file,
                ["WRK_FIRST_NUMBER"] = (_firstNumber += 10_000_000).ToString(CultureInfo.InvariantCulture),
            };
            var result = await Tool.RunAsync(
                _program.Program,
                ["--threads", "1", "--connections", $"{connections}", "--duration", $"{duration.TotalSeconds:0}s", "--timeout", "10s",
                    "--script", Path.Combine(AppContext.BaseDirectory, "Load", "wrk.lua"), load.Server.ToString()],
                duration + TimeSpan.FromSeconds(30),
                cancellationToken,
                environment: environment);
            cancellationToken.ThrowIfCancellationRequested();
            var line = result.Output.Split('\n').FirstOrDefault(line => line.StartsWith(Marker, StringComparison.Ordinal));
            if (result.ExitCode != 0 || line is null)
            {
                throw new BenchmarkException($"wrk ended with {result.ExitCode}: {result.LastWords}");
            }

            return Check(load, JsonSerializer.Deserialize<Outcome>(line[Marker.Length..], s_json)!);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Sample Check(HttpLoad load, Outcome outcome)
    {
        var first = load.Requests[0].Split("\r\n")[0];
        if (outcome.Requests == 0 || outcome.Refused + outcome.Broken > 0)
        {
            throw new BenchmarkException($"{first}: of {outcome.Requests} requests {outcome.Refused} were refused and {outcome.Broken} broke.");
        }

        // Headers are never a kilobyte; wrk counts them with the body.
        var bytes = (double)outcome.Bytes / outcome.Requests;
        if (load.AnswerLength is { } length && (bytes < length || bytes > length + 1024))
        {
            throw new BenchmarkException($"{first}: answers had {bytes:0} bytes on average instead of {length} and headers.");
        }

        return new Sample(outcome.Requests / outcome.Seconds, outcome.P50Ms, outcome.P99Ms, outcome.CpuSeconds);
    }

    private sealed record Outcome(double Seconds, long Requests, long Bytes, long Refused, long Broken, double P50Ms, double P99Ms, double CpuSeconds);
}
