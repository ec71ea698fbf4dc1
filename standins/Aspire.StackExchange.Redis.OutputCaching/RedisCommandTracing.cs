using System.Diagnostics;
using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace Aspire.StackExchange.Redis;

/// <summary>
/// A span for each command that was sent while another span was open. 1.2.6 reports commands by collecting them per
/// caller, without their keys; they become spans shortly after their caller's span has ended.
/// </summary>
internal sealed class RedisCommandTracing : IProfiler, IDisposable
{
    /// <summary>The name of the official instrumentation's source.</summary>
    public const string SourceName = "OpenTelemetry.Instrumentation.StackExchangeRedis";

    private static readonly TimeSpan CollectEvery = TimeSpan.FromSeconds(1);

    // A caller that stays for long, such as an event stream, is reported in parts so that nothing piles up.
    private static readonly TimeSpan LongestSession = TimeSpan.FromSeconds(10);

    private readonly ActivitySource _source = new(SourceName);
    private readonly Lock _lock = new();
    private readonly Dictionary<Activity, Session> _sessions = [];
    private readonly Timer _timer;
    private IConnectionMultiplexer? _connection;

    public RedisCommandTracing() => _timer = new Timer(_ => Collect(all: false), null, CollectEvery, CollectEvery);

    /// <summary>Observes a connection from now on.</summary>
    /// <returns>The connection to use in its place.</returns>
    public IConnectionMultiplexer Observe(IConnectionMultiplexer connection)
    {
        _connection = connection;
        connection.RegisterProfiler(this);
        return PlainScripts.Wrap(connection);
    }

    public object? GetContext()
    {
        if (Activity.Current is not { Recorded: true } caller || !_source.HasListeners())
        {
            return null;
        }

        lock (_lock)
        {
            if (!_sessions.TryGetValue(caller, out var session))
            {
                _sessions[caller] = session = new Session(caller, Stopwatch.GetTimestamp());
                _connection!.BeginProfiling(session);
            }

            return session;
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        Collect(all: true);
        _source.Dispose();
    }

    private void Collect(bool all)
    {
        List<Session> ended;
        lock (_lock)
        {
            ended = [.. _sessions.Values.Where(session =>
                all || session.Caller.IsStopped || Stopwatch.GetElapsedTime(session.Opened) > LongestSession)];
            foreach (var session in ended)
            {
                _sessions.Remove(session.Caller);
            }
        }

        foreach (var session in ended)
        {
            foreach (var command in _connection!.FinishProfiling(session, allowCleanupSweep: false))
            {
                Report(command, session.Caller.Context);
            }
        }
    }

    private void Report(IProfiledCommand command, ActivityContext caller)
    {
        var span = _source.StartActivity(
            command.Command, ActivityKind.Client, caller, startTime: new DateTimeOffset(command.CommandCreated));
        span?.SetTag("db.system.name", "redis")
            .SetTag("db.operation.name", command.Command)
            .SetTag("db.namespace", command.Db.ToString(CultureInfo.InvariantCulture))
            .SetTag("server.address", command.EndPoint switch
            {
                DnsEndPoint dns => dns.Host,
                IPEndPoint ip => ip.Address.ToString(),
                var other => other?.ToString(),
            })
            .SetTag("server.port", command.EndPoint switch
            {
                DnsEndPoint dns => dns.Port,
                IPEndPoint ip => ip.Port,
                _ => null,
            })
            .SetEndTime(command.CommandCreated + command.ElapsedTime)
            .Stop();
    }

    // An object of its own for each part: 1.2.6 refuses one that it has seen before.
    private sealed class Session(Activity caller, long opened)
    {
        public Activity Caller => caller;

        public long Opened => opened;
    }
}
