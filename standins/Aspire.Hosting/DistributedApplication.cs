using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Lifecycle;
using Aspire.Hosting.Publishing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>The application an AppHost declares: started, watched and stopped as one.</summary>
public partial class DistributedApplication : IHost, IAsyncDisposable
{
    private static readonly TimeSpan s_cleanUpLimit = TimeSpan.FromSeconds(30);

    private readonly IHost _host;
    private readonly ILogger<DistributedApplication> _logger;
    private readonly Lock _stoppingLock = new();
    private Task? _stopping;
    private bool _isStarted;

    public DistributedApplication(IHost host)
    {
        _host = host;
        _logger = Services.GetRequiredService<ILogger<DistributedApplication>>();
    }

    public IServiceProvider Services => _host.Services;
    public ResourceNotificationService ResourceNotifications => Services.GetRequiredService<ResourceNotificationService>();
    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    internal EntryPointInterception? Interception { get; init; }

    private IHostApplicationLifetime Lifetime => Services.GetRequiredService<IHostApplicationLifetime>();

    // A test starts and stops the application itself; what the intercepted entry point asks for is left to it.
    private bool IsCalledByInterceptedEntryPoint => Interception is not null && EntryPointInterception.Current == Interception;

    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    public static IDistributedApplicationBuilder CreateBuilder(string[] args) => new DistributedApplicationBuilder(args);

    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) => new DistributedApplicationBuilder(options);

    public void Run() => RunAsync().GetAwaiter().GetResult();

    /// <summary>Starts and runs until Ctrl+C; in publish mode writes the manifest and ends.</summary>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        if (IsCalledByInterceptedEntryPoint)
        {
            await WhenSignaled(Lifetime.ApplicationStopped, cancellationToken);
            return;
        }

        var lifetime = Lifetime;
        try
        {
            await StartAsync(cancellationToken);
            await this.WaitForShutdownAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Ctrl+C while still starting.
            await StopAsync(CancellationToken.None);
        }
    }

    /// <summary>Starts every resource; does not wait until they are ready.</summary>
    /// <exception cref="DistributedApplicationException">The application cannot start, for the reason given.</exception>
    public virtual async Task StartAsync(CancellationToken cancellationToken = default)
    {
        if (IsCalledByInterceptedEntryPoint)
        {
            await WhenSignaled(Lifetime.ApplicationStarted, cancellationToken);
            return;
        }

        var execution = Services.GetRequiredService<DistributedApplicationExecutionContext>();
        LogVersion(typeof(DistributedApplication).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]);
        _isStarted = true;
        try
        {
            var eventing = Services.GetRequiredService<IDistributedApplicationEventing>();
            foreach (var subscriber in Services.GetServices<IDistributedApplicationEventingSubscriber>())
            {
                await subscriber.SubscribeAsync(eventing, execution, cancellationToken);
            }

            await eventing.PublishAsync(new BeforeStartEvent(Services, Services.GetRequiredService<DistributedApplicationModel>()), cancellationToken);
            if (execution.IsPublishMode)
            {
                await Services.GetRequiredService<ManifestPublisher>().PublishAsync(cancellationToken);
                Lifetime.StopApplication();
                return;
            }

            LogStarting();
            LogDirectory(Services.GetRequiredService<IConfiguration>()["AppHost:Directory"]);
            await _host.StartAsync(cancellationToken);
            LogStarted();
        }
        catch
        {
            // Whatever has started already must not outlive the failure.
            await StopWithinLimitAsync();
            throw;
        }
    }

    public virtual Task StopAsync(CancellationToken cancellationToken = default)
    {
        // Asked for by Ctrl+C, by a test and on disposal alike, it is done once.
        lock (_stoppingLock)
        {
            _stopping ??= _host.StopAsync(cancellationToken);
            return _stopping;
        }
    }

    public virtual void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    /// <summary>Stops the application, if that was not done, and releases what it holds.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        Interception?.Abandon();
        if (_isStarted)
        {
            await StopWithinLimitAsync();
        }

        await ((IAsyncDisposable)_host).DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private async Task StopWithinLimitAsync()
    {
        using var limit = new CancellationTokenSource(s_cleanUpLimit);
        await StopAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WhenSignaled(CancellationToken signal, CancellationToken cancellationToken)
    {
        var signaled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = signal.Register(signaled.SetResult);
        await Task.WhenAny(signaled.Task, Interception!.Abandoned).WaitAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Aspire AppHost version: {Version}")]
    private partial void LogVersion(string? version);

    [LoggerMessage(LogLevel.Information, "Distributed application starting.")]
    private partial void LogStarting();

    [LoggerMessage(LogLevel.Information, "Application host directory is: {Directory}")]
    private partial void LogDirectory(string? directory);

    [LoggerMessage(LogLevel.Information, "Distributed application started. Press Ctrl+C to shut down.")]
    private partial void LogStarted();
}
