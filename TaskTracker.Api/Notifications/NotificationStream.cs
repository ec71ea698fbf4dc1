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
internal sealed class NotificationStream(
    IServiceScopeFactory scopes, IConfiguration configuration, TimeProvider clock, ILogger<NotificationStream> logger)
    : DatabaseListener(configuration, clock, logger)
{
    /// <summary>The most streams of one user, on one replica.</summary>
    public const int MaxOfUser = 5;

    /// <summary>The most streams of one replica.</summary>
    public const int MaxOfReplica = 2_000;

    /// <summary>The most notifications that wait for one client to read.</summary>
    public const int MaxWaiting = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, List<Channel<Notification>>> _clients = [];
    private int _count;
    private bool _listening;

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

    protected override IReadOnlyList<string> Channels => [NewNotifications.Channel];

    protected override Task BeginAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _listening = true;
        }

        return Task.CompletedTask;
    }

    protected override Task ReceiveAsync(IReadOnlyList<NpgsqlNotificationEventArgs> announcements, CancellationToken cancellationToken) =>
        PassOnAsync([.. announcements.SelectMany(announcement => NewNotifications.Parse(announcement.Payload))], cancellationToken);

    protected override void End()
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
}
