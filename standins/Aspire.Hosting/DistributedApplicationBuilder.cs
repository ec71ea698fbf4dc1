using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Engine;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Health;
using Aspire.Hosting.Publishing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <inheritdoc cref="IDistributedApplicationBuilder"/>
public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    // What 'dotnet run -- --publisher manifest --output-path X' and its newer forms mean as configuration.
    private static readonly Dictionary<string, string> s_switches = new()
    {
        ["--operation"] = "AppHost:Operation",
        ["--publisher"] = "Publishing:Publisher",
        ["--output-path"] = "Publishing:OutputPath",
        ["--step"] = "Pipeline:Step",
    };

    private readonly HostApplicationBuilder _host;
    private readonly DistributedApplicationOptions _options;
    private readonly ResourceCollection _resources = [];
    private readonly EntryPointInterception? _interception = EntryPointInterception.Current;

    public DistributedApplicationBuilder(string[] args) : this(new DistributedApplicationOptions { Args = args })
    {
    }

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;

        var settings = new HostApplicationBuilderSettings { Args = options.Args, Configuration = new ConfigurationManager() };
        settings.Configuration.AddEnvironmentVariables("ASPIRE_");
        _interception?.OnConstructing(options, settings);

        AppHostAssembly = options.AssemblyName is { } name ? Assembly.Load(name) : Assembly.GetEntryAssembly();
        _host = new HostApplicationBuilder(settings);
        _host.Configuration.AddCommandLine(options.Args ?? [], s_switches);
        AppHostDirectory = Path.GetFullPath(options.ProjectDirectory ?? Metadata("AppHostProjectPath") ?? _host.Environment.ContentRootPath);
        ExecutionContext = new(Operation(_host.Configuration), _host.Configuration["Publishing:Publisher"] ?? "manifest");
        UserSecrets = UserSecrets.Of(AppHostAssembly);

        _host.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["AppHost:Directory"] = AppHostDirectory,
            ["AppHost:DashboardApplicationName"] = options.DashboardApplicationName ?? _host.Environment.ApplicationName,
            ["AllowStandInPublish"] = _host.Configuration["AllowStandInPublish"] ?? Metadata("AllowStandInPublish"),
            ["AppHost:PathSha256"] = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(AppHostDirectory))),
        });

        // A failed start is thrown to the AppHost, which says it in one sentence; the host would add a stack trace to it.
        _host.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        _host.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        _host.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Error);
        // A resource that is not ready yet is unhealthy many times over; the dashboard shows it.
        _host.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        _host.Logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
        _host.Logging.AddConfiguration(_host.Configuration.GetSection("Logging"));

        AddServices();
        _interception?.OnConstructed(this);
    }

    public ConfigurationManager Configuration => _host.Configuration;
    public string AppHostDirectory { get; }
    public Assembly? AppHostAssembly { get; }
    public IHostEnvironment Environment => _host.Environment;
    public IServiceCollection Services => _host.Services;
    public IDistributedApplicationEventing Eventing { get; } = new DistributedApplicationEventing();
    public DistributedApplicationExecutionContext ExecutionContext { get; }
    public IResourceCollection Resources => _resources;

    internal UserSecrets UserSecrets { get; }

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource
    {
        ArgumentNullException.ThrowIfNull(resource);
        _resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource => new ResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        _interception?.OnBuilding(this);
        if (ExecutionContext.IsRunMode)
        {
            Services.AddEngine();
        }

        var application = new DistributedApplication(_host.Build()) { Interception = _interception };
        ExecutionContext.BuiltServices = application.Services;
        _interception?.OnBuilt(application);
        return application;
    }

    private void AddServices()
    {
        Services.AddSingleton(_options);
        Services.AddSingleton(ExecutionContext);
        Services.AddSingleton(Eventing);
        Services.TryAddSingleton(TimeProvider.System);
        Services.AddSingleton(_ => new DistributedApplicationModel(_resources));
        Services.AddSingleton<ResourceLoggerService>();
        Services.AddSingleton(services => new ResourceNotificationService(
            services.GetRequiredService<ILogger<ResourceNotificationService>>(), services, services.GetRequiredService<ResourceLoggerService>(),
            services.GetRequiredService<DistributedApplicationModel>(), _options));
        Services.AddSingleton(services => new ResourceCommandService(
            services.GetRequiredService<ResourceNotificationService>(), services.GetRequiredService<ResourceLoggerService>(), services));
        Services.AddHealthChecks();
        Services.AddHttpClient();
        Services.AddSingleton<ManifestPublisher>();
        if (ExecutionContext.IsRunMode)
        {
            // Before every other: they may ask for parameters, and watch what the resources become.
            Services.AddHostedService<ResourceInitializer>();
            Services.AddHostedService<ResourceHealthMonitor>();
        }
    }

    private string? Metadata(string key) => AppHostAssembly?.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(metadata => metadata.Key == key)?.Value;

    private static DistributedApplicationOperation Operation(ConfigurationManager configuration)
    {
        var operation = configuration["AppHost:Operation"];
        return string.Equals(operation, "publish", StringComparison.OrdinalIgnoreCase) || (operation is null && configuration["Publishing:Publisher"] is not null)
            ? DistributedApplicationOperation.Publish
            : operation is null || string.Equals(operation, "run", StringComparison.OrdinalIgnoreCase)
                ? DistributedApplicationOperation.Run
                : throw new DistributedApplicationException($"The operation '{operation}' is not known; use 'run' or 'publish'.");
    }
}
