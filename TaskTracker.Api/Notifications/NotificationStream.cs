using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Notifications;

namespace TaskTracker.Api.Notifications;

/// <summary>
/// Passes new notifications on to this replica's streams. One connection listens for all of them: PostgreSQL tells the
/// numbers of inserted rows when their transaction has committed, whoever inserted them. A stream that may have missed one
/// (its client reads too slowly, or the connection was lost) is ended; its client comes back with the last number it saw.
/// </summary>
internal sealed partial class NotificationStream(
    IServiceScopeFactory scopes, IConfiguration configuration, TimeProvider clock, ILogger<NotificationStream> logger) : BackgroundService
{
    /// <summary>The most streams of one user, on one replica.</summary>
    public const int MaxOfUser = 5;

    /// <summary>The most streams of one replica.</summary>
    public const int MaxOfReplica = 2_000;

    /// <summary>The most notifications that wait for one client to read.</summary>
    public const int MaxWaiting = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, List<Channel<Notification>>> _clients = [];
    private int _count;
    private bool _listening;
    private bool _reported;

    /// <summary>Whether the database tells of new notifications now.</summary>
    public bool IsListening
    {
        get
        {
            lock (_gate)
            {
                return _listening;
            }
        }
    }

    /// <summary>Subscribes a client.</summary>
    /// <returns>What it will be told, or null where there are too many streams, or nobody listens for now.</returns>
    public ChannelReader<Notification>? Join(int owner)
    {
        lock (_gate)
        {
            var ofUser = _clients.GetValueOrDefault(owner);
            if (!_listening || _count >= MaxOfReplica || ofUser?.Count >= MaxOfUser)
            {
                return null;
            }

            if (ofUser is null)
            {
                _clients[owner] = ofUser = [];
            }

            var client = Channel.CreateBounded<Notification>(MaxWaiting);
            ofUser.Add(client);
            _count++;
            return client.Reader;
        }
    }

    /// <summary>Unsubscribes a client.</summary>
    public void Leave(int owner, ChannelReader<Notification> reader)
    {
        lock (_gate)
        {
            if (_clients.TryGetValue(owner, out var ofUser) && ofUser.RemoveAll(client => client.Reader == reader) > 0)
            {
                _count--;
                if (ofUser.Count == 0)
                {
                    _clients.Remove(owner);
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                EndAll();
                if (!_reported)
                {
                    _reported = true;
                    LogLost(exception.Message);
                }

                await Task.Delay(Pause, clock, stoppingToken);
            }
        }

        EndAll();
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(DataServices.ConnectionName))
        {
            // Finds out that the peer is gone while LISTEN waits in silence.
            KeepAlive = 10,
            Pooling = false,
        };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        var ids = new List<long>();
        connection.Notification += (_, notification) => ids.AddRange(NewNotifications.Parse(notification.Payload));
        await connection.OpenAsync(stoppingToken);
        await using (var listen = new NpgsqlCommand($"listen {NewNotifications.Channel}", connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        lock (_gate)
        {
            _listening = true;
        }

        _reported = false;
        while (true)
        {
            await connection.WaitAsync(stoppingToken);
            await PassOnAsync([.. ids], stoppingToken);
            ids.Clear();
        }
    }

    private async Task PassOnAsync(long[] ids, CancellationToken cancellationToken)
    {
        int[] owners;
        lock (_gate)
        {
            owners = [.. _clients.Keys];
        }

        if (owners.Length == 0 || ids.Length == 0)
        {
            return;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var rows = await db.Notifications.AsNoTracking()
            .Where(notification => ids.Contains(notification.Id) && owners.Contains(notification.OwnerId))
            .OrderBy(notification => notification.Id)
            .ToListAsync(cancellationToken);

        lock (_gate)
        {
            foreach (var row in rows)
            {
                foreach (var client in _clients.GetValueOrDefault(row.OwnerId) ?? [])
                {
                    if (!client.Writer.TryWrite(row))
                    {
                        client.Writer.TryComplete();
                    }
                }
            }
        }
    }

    private void EndAll()
    {
        lock (_gate)
        {
            _listening = false;
            foreach (var client in _clients.Values.SelectMany(clients => clients))
            {
                client.Writer.TryComplete();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Listening for notifications failed, streams are refused until it succeeds: {Reason}")]
    private partial void LogLost(string reason);
}
