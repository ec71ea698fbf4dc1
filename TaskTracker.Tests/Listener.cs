using Npgsql;

namespace TaskTracker.Tests;

/// <summary>A connection that hears what a database's transactions notify when they commit.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly List<NpgsqlNotificationEventArgs> _heard = [];

    private Listener(string database)
    {
        _connection = new NpgsqlConnection(database);
        _connection.Notification += (_, notification) => _heard.Add(notification);
    }

    /// <summary>What was heard by the end of the last wait.</summary>
    public IReadOnlyList<NpgsqlNotificationEventArgs> Heard => _heard;

    public static async Task<Listener> StartAsync(string database, params string[] channels)
    {
        var listener = new Listener(database);
        await listener._connection.OpenAsync();
        await listener.ExecuteAsync(string.Join(';', channels.Select(channel => $"listen {channel}")));
        return listener;
    }

    /// <summary>Waits for the next notification; false where none comes within a minute.</summary>
    public Task<bool> WaitAsync() => _connection.WaitAsync(TimeSpan.FromMinutes(1));

    /// <summary>Hears all that has been notified by now.</summary>
    public Task CatchUpAsync() => ExecuteAsync("select 1");

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync();
    }
}
