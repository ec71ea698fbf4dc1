using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace TaskTracker.Tests.Chaos;

/// <summary>
/// One replica of a service as a process of its own, as it was built, which can be killed, frozen and started again. It ends
/// with this process, however that ends.
/// </summary>
internal sealed class Replica : IDisposable
{
    // Prints the service's process id, and kills the service, frozen or not, when the pipe to this process breaks.
    private const string Script =
        """
        exec 3<&0 2>/dev/null
        "$@" 3<&- </dev/null >>"$REPLICA_LOG" 2>&1 &
        service=$!
        echo $service
        (read -r _ <&3; kill -KILL $service) >/dev/null &
        watcher=$!
        wait $service
        kill $watcher
        """;

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(120);

    private readonly string _assembly;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly string[] _arguments;
    private Process? _process;

    /// <param name="service">The service's project, such as <c>TaskTracker.Jobs</c>.</param>
    /// <param name="log">The file that everything is appended to that it writes.</param>
    /// <param name="environment">Its configuration.</param>
    /// <param name="arguments">Its arguments.</param>
    public Replica(string service, string log, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        // Beside the output of this program, which is built after it: artifacts/bin/PROJECT/CONFIGURATION.
        var tests = new DirectoryInfo(AppContext.BaseDirectory);
        _assembly = Path.Combine(tests.Parent!.Parent!.FullName, service, tests.Name, $"{service}.dll");
        Log = log;
        _environment = environment;
        _arguments = arguments;
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{ServerProcess.FreePort()}") };
    }

    public string Log { get; }

    /// <summary>A client without a user; it keeps its address when the replica is started again.</summary>
    public HttpClient Client { get; }

    public int ProcessId { get; private set; }

    /// <summary>Starts the process; it is not ready yet.</summary>
    public async Task StartAsync()
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", "dotnet", _assembly, .. _arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetDirectoryName(_assembly)!,
        };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["REPLICA_LOG"] = Log;
        start.Environment["ASPNETCORE_URLS"] = Client.BaseAddress!.ToString();
        _process?.Dispose();
        _process = Process.Start(start)!;
        ProcessId = int.Parse((await _process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until it does its work.</summary>
    public Task HealthyAsync() => Eventually.GetAsync($"{Log} tells of a healthy service", s_startLimit, async cancellationToken =>
    {
        if (_process!.HasExited)
        {
            throw new InvalidOperationException($"The service has ended with {_process.ExitCode}.");
        }

        try
        {
            using var answer = await Client.GetAsync("/health", cancellationToken);
            var body = await answer.Content.ReadAsStringAsync(cancellationToken);
            return answer.StatusCode == HttpStatusCode.OK && body.Contains("\"status\":\"healthy\"", StringComparison.Ordinal) ? body : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    });

    /// <summary>Ends it without a warning, and returns when it is gone.</summary>
    public void Kill()
    {
        Signals.Send("KILL", ProcessId);
        _process!.WaitForExit();
    }

    /// <summary>Stops it in the middle of what it does; its connections stay.</summary>
    public void Freeze() => Signals.Send("STOP", ProcessId);

    /// <summary>Lets it go on as if no time had passed.</summary>
    public void Thaw() => Signals.Send("CONT", ProcessId);

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            Kill();
        }

        _process?.Dispose();
        Client.Dispose();
    }
}
