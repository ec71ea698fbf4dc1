using System.Diagnostics;
using System.Net;
using System.Text;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.Deployment;

/// <summary>
/// The services as they are deployed: the output of <c>dotnet publish</c> in folders they cannot write to, in Production, as an
/// unprivileged user, over TLS, with nothing from the AppHost but the environment variables of its manifest.
/// </summary>
public sealed class PublishedSystem : IAsyncLifetime
{
    private static readonly TimeSpan s_publishLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan s_toolLimit = TimeSpan.FromMinutes(1);

    private SecureServers _servers = null!;
    private Manifest _manifest = null!;
    private Dictionary<string, string> _generated = null!;

    internal SecureServers Servers => _servers;

    public async Task InitializeAsync()
    {
        _servers = await SecureServers.StartAsync();
        // The load of these tests is more than one user's and one address's; and on a slow machine a reminder's moment may pass
        // before its task is stored, which must not cost the reminder.
        _manifest = await Manifest.PublishAsync(
            "--ExternalRedis=true", "--RateLimits:PerUser=0", "--RateLimits:PerAddress=0", "--RateLimits:CredentialsPerAddress=0", "--Reminders:Late=Now");
        _generated = _manifest.Generate();

        foreach (var service in (string[])["api", "jobs"])
        {
            var folder = FolderOf(service);
            var result = await Tool.RunAsync(
                "dotnet",
                // What a build of this suite has checked already is not checked again; no build server outlives the test.
                ["publish", Repository.File(ProjectOf(service)), "-c", "Release", "-o", folder, "--no-restore", "--nologo", "-v", "quiet",
                    "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false", "-p:AllowStandInPublish=true"],
                s_publishLimit,
                CancellationToken.None,
                Repository.Root);
            Assert.True(result.ExitCode == 0, result.Output);
            await Tool.RunAsync("chmod", ["-R", "a-w,a+rX", folder], s_toolLimit, CancellationToken.None);
            // True of root whatever the mode says, so this also shows that the account is none.
            var writes = await Tool.RunAsync("/bin/sh", ["-c", "\"$@\"", "sh", .. ServerAccount.Prefix, "test", "-w", folder], s_toolLimit, CancellationToken.None);
            Assert.Equal(1, writes.ExitCode);
        }
    }

    public async Task DisposeAsync()
    {
        if (_servers is not null)
        {
            // So that they can be deleted.
            await Tool.RunAsync("chmod", ["-R", "u+w", _servers.Folder], s_toolLimit, CancellationToken.None);
            _servers.Dispose();
        }
    }

    /// <summary>Starts a replica and waits until it is ready.</summary>
    internal async Task<PublishedService> StartAsync(string service)
    {
        var started = Launch(service);
        try
        {
            await Eventually.GetAsync($"'{service}' is ready", TimeSpan.FromMinutes(2), async token =>
            {
                Assert.False(started.HasEnded, started.Output);
                return await started.IsReadyAsync(token) ? "ready" : null;
            });
            return started;
        }
        catch
        {
            // Nobody else knows of it yet.
            await started.DisposeAsync();
            Console.WriteLine(started.Output);
            throw;
        }
    }

    /// <summary>Starts a replica with some variables changed or, by null, taken away.</summary>
    internal PublishedService Launch(string service, params (string Name, string? Value)[] changes)
    {
        var port = ServerProcess.FreePort();
        var environment = _manifest.EnvironmentOf(service, new Dictionary<string, string>(_generated)
        {
            ["tasktracker.value"] = _servers.Database,
            ["cache.value"] = _servers.Redis,
            [$"{service}.bindings.http.targetPort"] = $"{port}",
        });
        // Not of the deployment's making: where the test's authority is known, and what Kestrel would not say by itself.
        environment["SSL_CERT_FILE"] = _servers.Authority;
        environment["DOTNET_EnableDiagnostics"] = "0";
        foreach (var (name, value) in changes)
        {
            environment.Remove(name);
            if (value is not null)
            {
                environment[name] = value;
            }
        }

        return new PublishedService(FolderOf(service), Path.GetFileNameWithoutExtension(ProjectOf(service)) + ".dll", port, environment);
    }

    /// <summary>Asks the replica at that port how it is, with the program that its container would use.</summary>
    internal Task<ToolResult> ProbeAsync(int port) => Tool.RunAsync(
        "dotnet",
        ["exec", Path.Combine(FolderOf("api"), "TaskTracker.Api.dll"), "probe"],
        TimeSpan.FromSeconds(30),
        CancellationToken.None,
        environment: new Dictionary<string, string> { ["HTTP_PORTS"] = $"{port}" });

    private string FolderOf(string service) => Path.Combine(_servers.Folder, "published", service);

    private static string ProjectOf(string service) => service is "api" ? "TaskTracker.Api/TaskTracker.Api.csproj" : "TaskTracker.Jobs/TaskTracker.Jobs.csproj";
}

/// <summary>One replica. It ends with this process, which holds the pipe that its shell watches.</summary>
internal sealed class PublishedService : IAsyncDisposable
{
    // Passes TERM on, and sends it where the pipe has ended. Not INT, which what a shell has in the background ignores.
    private const string Shell =
        """
        exec 3<&0
        "$@" 3<&- </dev/null &
        service=$!
        trap 'kill -TERM "$service" 2>/dev/null' TERM
        (read -r _ <&3; kill -TERM "$service") >/dev/null 2>&1 &
        watcher=$!
        wait "$service"
        code=$?
        while kill -0 "$service" 2>/dev/null; do wait "$service"; code=$?; done
        kill "$watcher" 2>/dev/null
        exit "$code"
        """;

    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(60);

    // Without cookies: whoever connects is somebody else.
    private readonly SocketsHttpHandler _connections = new() { UseCookies = false };
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    public PublishedService(string folder, string program, int port, IReadOnlyDictionary<string, string> environment)
    {
        Port = port;
        Address = new Uri($"http://127.0.0.1:{port}");
        Client = Connect();
        var start = new ProcessStartInfo("/bin/sh", ["-c", Shell, "sh", .. ServerAccount.Prefix, "dotnet", program])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var path = Environment.GetEnvironmentVariable("PATH");
        var root = Environment.GetEnvironmentVariable("DOTNET_ROOT");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        if (root is not null)
        {
            start.Environment["DOTNET_ROOT"] = root;
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Port { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    /// <summary>A client of this replica.</summary>
    public HttpClient Connect() => new(_connections, disposeHandler: false) { BaseAddress = Address };

    public bool HasEnded => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var health = await Client.GetAsync(new Uri("/health", UriKind.Relative), cancellationToken);
            return health.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Tells it to end by TERM, as an orchestrator does, and returns its exit code.</summary>
    public async Task<int> EndAsync()
    {
        if (!_process.HasExited)
        {
            await Tool.RunAsync("kill", ["-TERM", $"{_process.Id}"], s_endLimit, CancellationToken.None);
        }

        return await WaitForEndAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    public async Task<int> WaitForEndAsync()
    {
        using var limit = new CancellationTokenSource(s_endLimit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _connections.Dispose();
        try
        {
            await EndAsync();
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            if (_output.Length < 100_000)
            {
                _output.AppendLine(line);
            }
        }
    }
}

/// <summary>One replica of each service, for the tests of a class, which let them run.</summary>
public sealed class PublishedPair(PublishedSystem system) : IAsyncLifetime
{
    internal PublishedService Jobs { get; private set; } = null!;

    internal PublishedService Api { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Jobs = await system.StartAsync("jobs");
        Api = await system.StartAsync("api");
    }

    public async Task DisposeAsync()
    {
        foreach (var service in (PublishedService?[])[Api, Jobs])
        {
            if (service is not null)
            {
                await service.DisposeAsync();
            }
        }
    }
}

[CollectionDefinition(Name)]
public sealed class PublishedSystemGroup : ICollectionFixture<PublishedSystem>
{
    public const string Name = "Published";
}
