using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Engine;

/// <summary>
/// The real dashboard, as a hidden resource of the application, and the service it asks the host through. Everything it
/// offers is behind a key or token made for this run, unless the settings give one.
/// </summary>
internal sealed class Dashboard : IAsyncDisposable
{
    public const string ResourceName = "aspire-dashboard";

    private const string Frontend = "http";
    private const string OtlpGrpc = "otlp-grpc";
    private const string OtlpHttp = "otlp-http";

    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    private readonly IConfiguration _configuration;
    private readonly DistributedApplicationOptions _options;
    private readonly IHostEnvironment _environment;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _log;
    private readonly ResourceNotificationService _notifications;
    private readonly ResourceLoggerService _resourceLogs;
    private readonly ResourceCommandService _commands;
    private readonly ExecutableResource _resource = new(ResourceName, "aspire-managed", "");
    private ResourceService? _service;

    public Dashboard(
        IConfiguration configuration, DistributedApplicationOptions options, IHostEnvironment environment, ILoggerFactory loggers,
        ILogger<DistributedApplication> log, ResourceNotificationService notifications, ResourceLoggerService resourceLogs, ResourceCommandService commands)
    {
        _configuration = configuration;
        _options = options;
        _environment = environment;
        _loggers = loggers;
        _log = log;
        _notifications = notifications;
        _resourceLogs = resourceLogs;
        _commands = commands;
    }

    public bool IsEnabled => !_options.DisableDashboard;

    public IResource Resource => _resource;

    private bool IsAnonymous => _configuration.GetValue("ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS", defaultValue: false);

    private string? BrowserToken => _configuration["AppHost:BrowserToken"];

    private string? OtlpKey => _configuration["AppHost:OtlpApiKey"];

    private string? ApiKey => _configuration["AppHost:DashboardApiKey"];

    private string FrontendUrl => _resource.GetEndpoint(Frontend).Url;

    /// <summary>Puts the dashboard into the application and makes those report to it that can.</summary>
    /// <exception cref="DistributedApplicationException">The configured addresses cannot be used.</exception>
    public void AddTo(DistributedApplicationModel model)
    {
        if (!IsAnonymous)
        {
            _configuration["AppHost:BrowserToken"] = BrowserToken ?? _configuration["ASPIRE_DASHBOARD_FRONTEND_BROWSERTOKEN"] ?? NewKey();
            _configuration["AppHost:OtlpApiKey"] = OtlpKey ?? NewKey();
            _configuration["AppHost:DashboardApiKey"] = ApiKey ?? NewKey();
        }

        foreach (var resource in model.Resources.Where(resource => resource.HasAnnotationOfType<OtlpExporterAnnotation>()))
        {
            Telemetry.AddTo(resource, _resource.GetEndpoint(OtlpGrpc), OtlpKey, _environment.IsDevelopment());
        }

        AddEndpoint(Frontend, "ASPNETCORE_URLS");
        AddEndpoint(OtlpGrpc, "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", transport: "http2");
        AddEndpoint(OtlpHttp, "ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL");
        _resource.Annotations.Add(new CommandLineArgsCallbackAnnotation(arguments => arguments.Add("dashboard")));
        _resource.Annotations.Add(new EnvironmentCallbackAnnotation(AddEnvironment));
        _resource.Annotations.Add(new ResourceIconAnnotation("ContentView"));
        _resource.Annotations.Add(new ResourceSnapshotAnnotation(new CustomResourceSnapshot { ResourceType = "Executable", Properties = [], IsHidden = true }));
        model.Resources.Insert(0, _resource);
    }

    /// <summary>Opens what the dashboard will ask; its program is known only now.</summary>
    public async Task PrepareAsync(string program, CancellationToken cancellationToken)
    {
        var executable = _resource.Annotations.OfType<ExecutableAnnotation>().Last();
        executable.Command = program;

        // The pages lie beside the program, and are looked for in the working directory.
        executable.WorkingDirectory = Path.GetDirectoryName(program)!;

        var address = AddressFrom("ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL");
        var port = address?.Port ?? 0;
        if (port != 0 && !PortProbe.IsFree(port))
        {
            throw new DistributedApplicationException($"Port {port} of ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL is in use: stop the program that listens there, or set another address.");
        }

        var name = _configuration["AppHost:DashboardApplicationName"] ?? _environment.ApplicationName;
        _service = new ResourceService(name, port, _notifications, _resourceLogs, _commands, _log);
        await _service.StartAsync(cancellationToken);
    }

    /// <summary>Waits until the dashboard answers, then tells the console where it is.</summary>
    public async Task AnnounceAsync(CancellationToken cancellationToken)
    {
        await WaitUntilReadyAsync(cancellationToken);
        var login = BrowserToken is { } token ? $"{FrontendUrl}/login?t={token}" : FrontendUrl;
        _log.DashboardListening(FrontendUrl);
        if (BrowserToken is not null)
        {
            _log.DashboardLogin(login);
        }

        _log.DashboardSummary(FrontendUrl, login, _resource.GetEndpoint(OtlpGrpc).Url, _resource.GetEndpoint(OtlpHttp).Url);
    }

    /// <summary>Repeats in the host's log what the dashboard complains about, until cancelled.</summary>
    public async Task RelayComplaintsAsync(CancellationToken cancellationToken)
    {
        var id = _resource.GetResolvedResourceNames().Single();
        await foreach (var batch in _resourceLogs.WatchAsync(id).WithCancellation(cancellationToken))
        {
            foreach (var line in batch)
            {
                if (DashboardLogLine.Parse(line.Content) is { } complaint && complaint.Level >= LogLevel.Warning)
                {
                    _loggers.CreateLogger(complaint.HostCategory).DashboardComplaint(complaint.Level, complaint.Message);
                }
            }
        }
    }

    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _service, null)?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string NewKey() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private void AddEndpoint(string name, string setting, string? transport = null)
    {
        var address = AddressFrom(setting);
        _resource.Annotations.Add(new EndpointAnnotation(
            ProtocolType.Tcp, uriScheme: "http", transport: transport, name: name, port: address is { Port: > 0 } ? address.Port : null));
    }

    private Uri? AddressFrom(string setting)
    {
        if (_configuration[setting]?.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).FirstOrDefault() is not { } text)
        {
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
        {
            throw new DistributedApplicationException($"The setting {setting} is '{text}', which is no address: write it like http://localhost:15000.");
        }

        if (address.Scheme == "https")
        {
            throw new DistributedApplicationException($"The setting {setting} asks for https, which the stand-in Aspire does not serve: use an http address and set ASPIRE_ALLOW_UNSECURED_TRANSPORT=true.");
        }

        return _options.AllowUnsecuredTransport || _configuration.GetValue("ASPIRE_ALLOW_UNSECURED_TRANSPORT", defaultValue: false)
            ? address
            : throw new DistributedApplicationException($"The setting {setting} must be an https address unless ASPIRE_ALLOW_UNSECURED_TRANSPORT=true is set, which the launch profile is the place for.");
    }

    private void AddEnvironment(EnvironmentCallbackContext context)
    {
        var variables = context.EnvironmentVariables;
        foreach (var (name, value) in _configuration.AsEnumerable())
        {
            if (name.StartsWith("ASPIRE_DASHBOARD_", StringComparison.OrdinalIgnoreCase) && value is not null)
            {
                variables[name] = value;
            }
        }

        variables["ASPNETCORE_ENVIRONMENT"] = "Production";
        variables["ASPNETCORE_URLS"] = Listen(Frontend);
        variables["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = Listen(OtlpGrpc);
        variables["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"] = Listen(OtlpHttp);
        variables["ASPIRE_DASHBOARD_API_ENABLED"] = "true";
        variables["DASHBOARD__FRONTEND__PUBLICURL"] = FrontendUrl;
        variables["ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"] = _service!.Address;
        variables["DASHBOARD__RESOURCESERVICECLIENT__AUTHMODE"] = "ApiKey";
        variables["DASHBOARD__RESOURCESERVICECLIENT__APIKEY"] = _service.ApiKey;
        Secure("FRONTEND", "BrowserToken", "BROWSERTOKEN", BrowserToken);
        Secure("OTLP", "ApiKey", "PRIMARYAPIKEY", OtlpKey);
        Secure("API", "ApiKey", "PRIMARYAPIKEY", ApiKey);

        // Its console is read by the host, which repeats what matters.
        variables["LOGGING__CONSOLE__FORMATTERNAME"] = "json";

        ReferenceExpression Listen(string endpoint) =>
            ReferenceExpression.Create($"http://localhost:{_resource.GetEndpoint(endpoint).Property(EndpointProperty.TargetPort)}");

        void Secure(string part, string mode, string keyName, string? key)
        {
            variables[$"DASHBOARD__{part}__AUTHMODE"] = key is null ? "Unsecured" : mode;
            if (key is not null)
            {
                variables[$"DASHBOARD__{part}__{keyName}"] = key;
            }
        }
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ReadyLimit);

        // DCP's proxy accepts connections before the dashboard runs and holds them: only short probes show the difference.
        using var http = new HttpClient { Timeout = ProbeLimit };
        var id = _resource.GetResolvedResourceNames().Single();
        try
        {
            while (!await AnswersAsync(http, limit.Token))
            {
                if (_notifications.TryGetCurrentState(id, out var current) && KnownResourceStates.TerminalStates.Contains(current.Snapshot.State?.Text))
                {
                    throw new DistributedApplicationException($"The dashboard ended at its start: {await LastLinesAsync(id)}");
                }

                await Task.Delay(Poll, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException($"The dashboard did not answer at {FrontendUrl} within {ReadyLimit.TotalSeconds:0} seconds: {await LastLinesAsync(id)}");
        }
    }

    private async Task<bool> AnswersAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync(FrontendUrl + "/health", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private async Task<string> LastLinesAsync(string id)
    {
        var lines = new List<string>();
        await foreach (var batch in _resourceLogs.GetAllAsync(id))
        {
            lines.AddRange(batch.Select(line => line.Content));
        }

        return lines.Count == 0 ? "it printed nothing." : string.Join(Environment.NewLine, lines.TakeLast(5));
    }

    /// <summary>A line of the dashboard's console: a time, then what its JSON formatter writes.</summary>
    private sealed record DashboardLogLine(LogLevel Level, string Category, string Message)
    {
        private const string OwnPrefix = "Aspire.Dashboard.";

        public string HostCategory => Category.StartsWith(OwnPrefix, StringComparison.Ordinal)
            ? "Aspire.Hosting.Dashboard." + Category[OwnPrefix.Length..]
            : "Aspire.Hosting.Dashboard.ThirdParty." + Category;

        public static DashboardLogLine? Parse(string line)
        {
            var start = line.IndexOf('{', StringComparison.Ordinal);
            try
            {
                return start < 0 ? null : JsonSerializer.Deserialize<Fields>(line.AsSpan(start)) is { LogLevel: { } level, Category: { } category, Message: { } message }
                    && Enum.TryParse<LogLevel>(level, out var parsed) ? new DashboardLogLine(parsed, category, message) : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }

        private sealed record Fields(string? LogLevel, string? Category, string? Message);
    }
}
