using System.Diagnostics;
using System.Globalization;
using TaskTracker.Tests;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>
/// Starts the whole system as a developer does, on ports and with data of its own, and notes when each part of it is there. The
/// orchestrator's processes are known by a variable that they inherit.
/// </summary>
internal sealed class AppHostStart : IDisposable
{
    private const string Marker = "TASKTRACKER_BENCHMARK_START";

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_stopLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    // A part, and what its command line says. Redis begins with PostgreSQL, and writes its title over the variable.
    private static readonly (string Name, string Command)[] s_parts =
    [
        ("postgres", "/postgres\0-D"), ("jobs", "TaskTracker.Jobs"), ("api", "TaskTracker.Api"),
    ];

    private readonly string _mark = $"{Marker}={Guid.NewGuid():N}";
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(1) };
    private readonly HashSet<int> _others = [];
    private Process? _process;

    /// <summary>Starts it.</summary>
    /// <returns>Seconds from the command until each part was started and, of the services, until it was healthy.</returns>
    public async Task<IReadOnlyDictionary<string, double>> RunAsync(CancellationToken cancelled)
    {
        // artifacts/bin/PROJECT/CONFIGURATION
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var project = Path.Combine(output.Parent!.Parent!.Parent!.Parent!.FullName, "TaskTracker.AppHost");
        var start = new ProcessStartInfo("dotnet",
            ["run", "--no-build", "--configuration", output.Name, "--project", project, "--", "--no-dashboard", "--LocalServices:Persist=false", "--DcpPublisher:RandomizePorts=true"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Marker] = _mark.Split('=')[1];

        Dictionary<string, double> timeline = [];
        Dictionary<string, Uri> services = [];
        var begun = Stopwatch.GetTimestamp();
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        while (!timeline.ContainsKey("api healthy"))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(begun) > s_limit)
            {
                throw new BenchmarkException($"The AppHost did not come up within {s_limit.TotalSeconds} s; there is: {string.Join(", ", timeline.Keys)}.");
            }

            foreach (var (name, address) in FindParts())
            {
                timeline.TryAdd($"{name} begins", Stopwatch.GetElapsedTime(begun).TotalSeconds);
                if (address is not null)
                {
                    services[name] = address;
                }
            }

            foreach (var (name, address) in services)
            {
                if (!timeline.ContainsKey($"{name} healthy") && await IsHealthyAsync(address, cancelled))
                {
                    timeline.Add($"{name} healthy", Stopwatch.GetElapsedTime(begun).TotalSeconds);
                }
            }

            await Task.Delay(s_look, cancelled);
        }

        return timeline;
    }

    public void Dispose()
    {
        _client.Dispose();
        if (_process is null)
        {
            return;
        }

        if (!_process.HasExited)
        {
            Signals.Send("TERM", _process.Id);
            if (!_process.WaitForExit(s_stopLimit))
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        // Servers end a moment after the AppHost, and what is measured next should not meet them.
        var limit = Stopwatch.StartNew();
        while (FindParts().Any() && limit.Elapsed < s_stopLimit)
        {
            Thread.Sleep(s_look);
        }

        _process.Dispose();
    }

    private async Task<bool> IsHealthyAsync(Uri address, CancellationToken cancelled)
    {
        try
        {
            using var answer = await _client.GetAsync(new Uri(address, "/health"), cancelled);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancelled.IsCancellationRequested)
        {
            return false;
        }
    }

    private IEnumerable<(string Name, Uri? Address)> FindParts()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || _others.Contains(id))
            {
                continue;
            }

            string[] environment;
            string command;
            try
            {
                environment = File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
                command = File.ReadAllText(Path.Combine(folder, "cmdline"));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            if (!environment.Contains(_mark))
            {
                // A process that has been forked but is not a program of its own yet shows nothing.
                if (environment.Length > 1)
                {
                    _others.Add(id);
                }

                continue;
            }

            foreach (var (name, part) in s_parts)
            {
                if (command.Contains(part, StringComparison.Ordinal))
                {
                    var urls = environment.FirstOrDefault(variable => variable.StartsWith("ASPNETCORE_URLS=", StringComparison.Ordinal))?.Split('=', 2)[1].Split(';')[0];
                    yield return (name, urls is null ? null : new Uri(urls));
                }
            }
        }
    }
}
