using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace TaskTracker.Data.Caching;

/// <summary>
/// Whether this replica uses Redis. It opens at the first error, and at a time-out while nobody else is answered, so that a dead Redis costs nobody a wait,
/// and is closed again in the background only, after the global epoch was raised: writes that went unannounced
/// meanwhile can then no longer be hidden by an old answer. It starts open, for the process before this one may have
/// ended with its own circuit open.
/// </summary>
/// <param name="services">Where the connection comes from; asking for it may take a while, so it is asked in the background.</param>
/// <param name="clock">The clock of the waits between probes.</param>
/// <param name="logger">Told of every change, not of every failure.</param>
public sealed partial class CacheCircuit(IServiceProvider services, TimeProvider clock, ILogger<CacheCircuit> logger)
    : BackgroundService
{
    /// <summary>The longest a request waits for an answer of Redis, once, before the circuit opens.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// The longest a write waits until Redis knows of it, once. A read that waits in vain asks the database; a write that goes
    /// unannounced may be hidden by an old answer where others still reach Redis, so it has more patience with a busy machine.
    /// </summary>
    public static readonly TimeSpan AnnounceLimit = TimeSpan.FromSeconds(2);

    /// <summary>How often Redis is tried while the circuit is open.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);

    // Starting without the cache is allowed; starting to write unannounced while the others read it is better avoided.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<bool> _opened = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private volatile OwnerVersionScripts? _scripts;
    private volatile OwnerVersionScripts? _announcing;
    private IConnectionMultiplexer? _connection;
    private long _openings;
    private long _answeredAt;
    private bool _reported;

    /// <summary>Whether Redis is in use.</summary>
    public bool IsClosed => _scripts is not null;

    /// <inheritdoc />
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        await Task.WhenAny(_tried.Task, Task.Delay(StartLimit, clock, cancellationToken));
    }

    /// <summary>Stops using Redis until the epoch has been raised. Also called when a write could not be announced.</summary>
    /// <param name="cause">What went wrong, in a few words.</param>
    public void Open(string cause) => Open(cause, isLost: true);

    private void Open(string cause, bool isLost)
    {
        bool wasClosed;
        lock (_gate)
        {
            _openings++;
            wasClosed = _scripts is not null;
            _scripts = null;
            if (isLost)
            {
                _announcing = null;
            }

            _opened.Writer.TryWrite(true);
        }

        if (wasClosed)
        {
            _reported = true;
            LogOpened(logger, cause);
        }
    }

    /// <summary>Uses Redis if it may be used.</summary>
    /// <param name="use">What to do with it.</param>
    /// <param name="otherwise">The answer while the circuit is open, and when this attempt opens it.</param>
    /// <typeparam name="T">The type of the answer.</typeparam>
    /// <returns>The answer; no error of Redis comes out.</returns>
    public ValueTask<T> TryAsync<T>(Func<Task<T>> use, T otherwise) => TryAsync(_ => use(), otherwise);

    internal async ValueTask<T> TryAsync<T>(Func<OwnerVersionScripts, Task<T>> use, T otherwise)
    {
        if (_scripts is not { } scripts)
        {
            return otherwise;
        }

        var asked = clock.GetTimestamp();
        try
        {
            var answer = await use(scripts).WaitAsync(Limit);
            Interlocked.Exchange(ref _answeredAt, clock.GetTimestamp());
            return answer;
        }
        catch (TimeoutException exception)
        {
            // Where it has answered others meanwhile, this process is busy, not Redis away. Writes go on telling it: it may be slow.
            if (Interlocked.Read(ref _answeredAt) <= asked)
            {
                Open(exception.GetType().Name, isLost: false);
            }

            return otherwise;
        }
        catch (Exception exception) when (IsOfRedis(exception))
        {
            Open(exception.GetType().Name);
            return otherwise;
        }
    }

    /// <summary>Tells Redis of a write, which is done a little sooner than anything is read from it.</summary>
    /// <returns>Whether it was told; if not, the circuit is open.</returns>
    internal async ValueTask<bool> TryAnnounceAsync(Func<OwnerVersionScripts, Task> announce)
    {
        var cause = "a write could not be announced";
        if (_announcing is { } scripts)
        {
            try
            {
                await announce(scripts).WaitAsync(AnnounceLimit);
                Interlocked.Exchange(ref _answeredAt, clock.GetTimestamp());
                return true;
            }
            catch (Exception exception) when (IsOfRedis(exception))
            {
                cause = exception.GetType().Name;
            }
        }

        // It may have closed since this write began unannounced, and then readers may have filled old answers.
        Open(cause);
        return false;
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var closed = await TryCloseAsync();
            _tried.TrySetResult();

            if (closed)
            {
                await _opened.Reader.ReadAsync(stoppingToken);
            }
            else
            {
                await Task.Delay(ProbeInterval, clock, stoppingToken);
            }
        }
    }

    private async Task<bool> TryCloseAsync()
    {
        try
        {
            var connection = Connect();

            var scripts = await OwnerVersionScripts.LoadAsync(connection.GetDatabase()).WaitAsync(Limit);

            // First all writes are announced, then the epoch is raised: what ended unannounced had committed before. Under
            // steady writes there is no moment at which none of them ends. One that has just seen the circuit open opens it.
            for (var attempt = 0; attempt < 10; attempt++)
            {
                long openings;
                lock (_gate)
                {
                    openings = _openings;
                    _announcing = scripts;
                }

                await scripts.RaiseEpochAsync().WaitAsync(Limit);
                lock (_gate)
                {
                    if (openings == _openings)
                    {
                        _scripts = scripts;
                        _opened.Reader.TryRead(out _);
                        _reported = false;
                        LogClosed(logger);
                        return true;
                    }
                }
            }
        }
        catch (Exception exception) when (IsOfRedis(exception) || _connection is null)
        {
            if (!_reported)
            {
                _reported = true;
                // The client's own messages are pages long; what is configured wrongly is said in a sentence.
                LogUnreachable(logger, IsOfRedis(exception) ? exception.GetType().Name : exception.Message);
            }
        }

        return false;
    }

    private IConnectionMultiplexer Connect()
    {
        if (_connection is null)
        {
            var connection = services.GetRequiredService<IConnectionMultiplexer>();
            connection.ConnectionFailed += (_, failure) =>
            {
                if (failure.ConnectionType == ConnectionType.Interactive)
                {
                    Open(failure.FailureType.ToString());
                }
            };
            _connection = connection;
        }

        return _connection;
    }

    // Connections are closed under their users' hands, and 1.x of the client then also lets these out.
    private static bool IsOfRedis(Exception exception) => exception
        is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException or TaskCanceledException;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis is not used until it answers again ({Cause}): answers come from the database")]
    private static partial void LogOpened(ILogger logger, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis does not answer ({Cause}): answers come from the database")]
    private static partial void LogUnreachable(ILogger logger, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis is used as the cache")]
    private static partial void LogClosed(ILogger logger);
}
