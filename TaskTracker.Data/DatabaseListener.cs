using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace TaskTracker.Data;

/// <summary>
/// Holds the one connection of this process that listens to some channels (<c>LISTEN</c>), and comes back, after a pause that
/// grows, when it is lost. What is announced in between is lost too: who derives looks at once when told that it listens.
/// </summary>
/// <param name="configuration">Where the connection string <see cref="DataServices.ConnectionName"/> is.</param>
/// <param name="clock">The clock of the pauses.</param>
/// <param name="logger">Told of every loss.</param>
public abstract partial class DatabaseListener(IConfiguration configuration, TimeProvider clock, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    // What arrives after a rest is passed on at once; what arrives without one, and within a burst, together.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(1);
    private const int MaxTogether = 1_000;

    private int _failures;

    /// <summary>The channels to listen to.</summary>
    protected abstract IReadOnlyList<string> Channels { get; }

    /// <summary>Told whenever the connection listens anew.</summary>
    /// <param name="cancellationToken">Ends with the service.</param>
    /// <returns>A task that ends before the first announcement is passed on; its failure counts as a loss.</returns>
    protected abstract Task BeginAsync(CancellationToken cancellationToken);

    /// <summary>Told what was announced, in the order of the commits.</summary>
    /// <param name="announcements">One or more.</param>
    /// <param name="cancellationToken">Ends with the service.</param>
    /// <returns>A task that ends before the next are passed on; its failure counts as a loss.</returns>
    protected abstract Task ReceiveAsync(IReadOnlyList<NpgsqlNotificationEventArgs> announcements, CancellationToken cancellationToken);

    /// <summary>Told whenever nobody listens any more.</summary>
    protected virtual void End()
    {
    }

    /// <inheritdoc />
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                var pause = NextPause();
                LogLost(logger, exception.Message, pause.TotalMilliseconds);
                End();
                await Task.Delay(pause, clock, stoppingToken);
            }
        }
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(DataServices.ConnectionName))
        {
            // Finds out that the peer is gone while nothing is announced.
            KeepAlive = 10,
            Pooling = false,
        };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        var announced = new List<NpgsqlNotificationEventArgs>();
        connection.Notification += (_, announcement) => announced.Add(announcement);
        await connection.OpenAsync(stoppingToken);
        await using (var listen = new NpgsqlCommand(string.Join(';', Channels.Select(channel => $"listen {channel}")), connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        await BeginAsync(stoppingToken);
        _failures = 0;

        var passedOn = 0L;
        while (true)
        {
            await connection.WaitAsync(stoppingToken);
            var isRested = clock.GetElapsedTime(passedOn) > Rest;
            while (!isRested && announced.Count < MaxTogether && await connection.WaitAsync(Burst, stoppingToken))
            {
                // Each turn has added to what was announced.
            }

            NpgsqlNotificationEventArgs[] received = [.. announced];
            announced.Clear();
            await ReceiveAsync(received, stoppingToken);
            passedOn = clock.GetTimestamp();
        }
    }

    // Replicas that lost the database together do not come back at the same moment.
    private TimeSpan NextPause()
    {
        var pause = ShortestPause * Math.Pow(2, Math.Min(_failures++, 10));
        var jitter = 0.8 + (0.4 * Random.Shared.NextDouble());
        return (pause < LongestPause ? pause : LongestPause) * jitter;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Listening to the database failed: {Reason} Next try in {Milliseconds:0} ms.")]
    private static partial void LogLost(ILogger logger, string reason, double milliseconds);
}
