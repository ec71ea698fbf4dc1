using System.Security.Cryptography;
using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Engine.Wire;
using Microsoft.Extensions.Logging;

using Resource = Aspire.Hosting.Engine.Wire.Resource;

namespace Aspire.Hosting.Engine;

/// <summary>
/// What the dashboard asks the host for: the resources and their changes, console logs, and the running of commands.
/// </summary>
internal sealed class ResourceService : IAsyncDisposable
{
    public const string KeyHeader = "x-resource-service-api-key";

    private const string Path = "/aspire.v1.DashboardService/";

    // Far below the dashboard's limit of 16 MB for a message.
    private const int MaxLogBatchLength = 1024 * 1024;

    private readonly string _applicationName;
    private readonly ResourceNotificationService _notifications;
    private readonly ResourceLoggerService _logs;
    private readonly ResourceCommandService _commands;
    private readonly GrpcServer _server;

    public ResourceService(
        string applicationName, int port, ResourceNotificationService notifications, ResourceLoggerService logs, ResourceCommandService commands, ILogger log)
    {
        _applicationName = applicationName;
        _notifications = notifications;
        _logs = logs;
        _commands = commands;
        var methods = new Dictionary<string, Func<GrpcCall, Task>>
        {
            [Path + "GetApplicationInformation"] = call => call.SendAsync(new ApplicationInformation { ApplicationName = _applicationName }),
            [Path + "WatchResources"] = WatchResourcesAsync,
            [Path + "WatchResourceConsoleLogs"] = WatchConsoleLogsAsync,
            [Path + "ExecuteResourceCommand"] = ExecuteCommandAsync,
            [Path + "WatchInteractions"] = WatchInteractionsAsync,
        };
        _server = new GrpcServer(methods, KeyHeader, ApiKey, port, log);
    }

    /// <summary>What the dashboard must present; made anew for each run.</summary>
    public string ApiKey { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public string Address => _server.Address;

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>
    /// Sends the latest state of whatever changed since the last message. A caller that reads slowly skips states in
    /// between and holds up nobody, and what waits for it is never more than one state a resource.
    /// </summary>
    private async Task WatchResourcesAsync(GrpcCall call)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Ended);
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var latest = new Dictionary<string, ResourceEvent>();

        // Runs up to its first wait before it returns, so everything known now is in the first message.
        var collecting = CollectAsync();
        try
        {
            await call.SendAsync(new ResourcesUpdate { Initial = new InitialResources { Resources = { Take() } } });
            while (await changed.Reader.WaitToReadAsync(call.Ended))
            {
                changed.Reader.TryRead(out _);
                var changes = new ResourceChanges();
                changes.Changes.AddRange(Take().Select(resource => new ResourceChange { Upsert = resource }));
                if (changes.Changes.Count > 0)
                {
                    await call.SendAsync(new ResourcesUpdate { Changes = changes });
                }
            }
        }
        finally
        {
            await over.CancelAsync();
            await collecting;
        }

        async Task CollectAsync()
        {
            try
            {
                await foreach (var change in _notifications.WatchAsync(over.Token))
                {
                    lock (latest)
                    {
                        latest[change.ResourceId] = change;
                    }

                    changed.Writer.TryWrite(true);
                }

                changed.Writer.Complete();
            }
            catch (OperationCanceledException)
            {
                // The call is over.
            }
        }

        List<Resource> Take()
        {
            lock (latest)
            {
                var resources = latest.Values.Select(ResourceMapper.ToWire).ToList();
                latest.Clear();
                return resources;
            }
        }
    }

    private async Task WatchConsoleLogsAsync(GrpcCall call)
    {
        var request = await call.ReadAsync(ConsoleLogsRequest.Parser);
        await call.OpenAsync();
        var batches = request.SuppressFollow ? _logs.GetAllAsync(request.ResourceName) : _logs.WatchAsync(request.ResourceName);
        await foreach (var batch in batches.WithCancellation(call.Ended))
        {
            var update = new ConsoleLogsUpdate();
            var length = 0;
            foreach (var line in batch)
            {
                update.Lines.Add(ResourceMapper.ToWire(line));
                length += line.Content.Length;
                if (length > MaxLogBatchLength)
                {
                    await call.SendAsync(update);
                    update = new ConsoleLogsUpdate();
                    length = 0;
                }
            }

            if (update.Lines.Count > 0)
            {
                await call.SendAsync(update);
            }
        }
    }

    private async Task ExecuteCommandAsync(GrpcCall call)
    {
        var request = await call.ReadAsync(CommandRequest.Parser);
        var result = await _commands.ExecuteCommandAsync(request.ResourceName, request.CommandName, call.Ended);
        await call.SendAsync(ResourceMapper.ToWire(result));
    }

    // The host asks no questions, but the dashboard wants to be able to hear them.
    private static async Task WatchInteractionsAsync(GrpcCall call)
    {
        await call.OpenAsync();
        await Task.Delay(Timeout.Infinite, call.Ended);
    }
}
