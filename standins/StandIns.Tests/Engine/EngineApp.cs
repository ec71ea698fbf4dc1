using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace StandIns.Tests.Engine;

/// <summary>An application on the real orchestrator, with random ports, a limit on every wait, and no console.</summary>
internal sealed class EngineApp : IAsyncDisposable
{
    private static readonly TimeSpan TestLimit = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _limit = new(TestLimit);
    private readonly DistributedApplication _app;

    private EngineApp(DistributedApplication app) => _app = app;

    public CancellationToken Limit => _limit.Token;

    public IServiceProvider Services => _app.Services;

    public ResourceNotificationService Notifications => _app.ResourceNotifications;

    public static async Task<EngineApp> StartAsync(Action<IDistributedApplicationBuilder> declare, bool withDashboard = false, params KeyValuePair<string, string?>[] settings)
    {
        var app = Build(declare, withDashboard, settings);
        try
        {
            await app._app.StartAsync(app.Limit);
            return app;
        }
        catch
        {
            // Nobody else knows of it yet.
            await app.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(Limit);
        await _app.DisposeAsync();
        _limit.Dispose();
    }

    public Task StopAsync() => _app.StopAsync(Limit);

    /// <summary>Waits for a state of the only instance of the resource.</summary>
    public async Task<CustomResourceSnapshot> UntilAsync(string name, Func<CustomResourceSnapshot, bool> condition) =>
        (await Notifications.WaitForResourceAsync(name, change => condition(change.Snapshot), Limit)).Snapshot;

    public Task<CustomResourceSnapshot> UntilAsync(string name, string state) => UntilAsync(name, snapshot => snapshot.State?.Text == state);

    public Task<ExecuteCommandResult> ExecuteAsync(string name, string command) => _app.ResourceCommands.ExecuteCommandAsync(name, command, Limit);

    /// <summary>Reads the log of the only instance until the text appears in it.</summary>
    public async Task<string> UntilLoggedAsync(string name, string text)
    {
        var logs = Services.GetRequiredService<ResourceLoggerService>();
        Assert.True(Notifications.TryGetCurrentState(name, out var current));
        var read = "";
        await foreach (var batch in logs.WatchAsync(current.ResourceId).WithCancellation(Limit))
        {
            read += string.Concat(batch.Select(line => line.Content + "\n"));
            if (read.Contains(text, StringComparison.Ordinal))
            {
                break;
            }
        }

        return read;
    }

    public static object? Property(CustomResourceSnapshot snapshot, string name) =>
        snapshot.Properties.FirstOrDefault(property => property.Name == name)?.Value;

    public static string? Variable(CustomResourceSnapshot snapshot, string name) =>
        snapshot.EnvironmentVariables.FirstOrDefault(variable => variable.Name == name && variable.IsFromSpec)?.Value;

    private static EngineApp Build(Action<IDistributedApplicationBuilder> declare, bool withDashboard, KeyValuePair<string, string?>[] settings)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { Args = [], DisableDashboard = !withDashboard });
        builder.Services.AddLogging(logging => logging.ClearProviders());
        builder.Configuration.AddInMemoryCollection([new("DcpPublisher:RandomizePorts", "true")]).AddInMemoryCollection(settings);
        declare(builder);
        return new EngineApp(builder.Build());
    }
}
