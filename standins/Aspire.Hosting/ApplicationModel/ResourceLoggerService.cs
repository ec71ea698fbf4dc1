using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The console logs of the resources: their own lines and what the host says about them.</summary>
public class ResourceLoggerService
{
    /// <summary>The lines kept for each resource; what is older is gone.</summary>
    internal const int BacklogSize = 10_000;

    private readonly ConcurrentDictionary<string, ConsoleLog> _logs = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A logger into the log of every instance of the resource.</summary>
    public ILogger GetLogger(IResource resource) => new ConsoleLogger(this, resource.GetResolvedResourceNames);

    public ILogger GetLogger(string resourceName) => new ConsoleLogger(this, () => [resourceName]);

    /// <summary>The lines so far and those to come, until <see cref="Complete(string)"/>.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => LogOf(resourceName).WatchAsync();

    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(IResource resource) => Merge(resource, name => LogOf(name).WatchAsync());

    /// <summary>The lines so far.</summary>
    public async IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(string resourceName)
    {
        await Task.CompletedTask;
        if (LogOf(resourceName).Lines() is { Count: > 0 } lines)
        {
            yield return lines;
        }
    }

    public IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(IResource resource) => Merge(resource, GetAllAsync);

    /// <summary>Ends the current watches: the resource writes no more, unless it is started again.</summary>
    public void Complete(string name) => LogOf(name).Complete();

    public void Complete(IResource resource)
    {
        foreach (var name in resource.GetResolvedResourceNames())
        {
            Complete(name);
        }
    }

    /// <summary>Adds a line as it is; one that begins with an RFC 3339 time is shown with it.</summary>
    internal void Write(string resourceId, string line, bool isErrorMessage) => LogOf(resourceId).Write(line, isErrorMessage);

    private ConsoleLog LogOf(string resourceId) => _logs.GetOrAdd(resourceId, _ => new ConsoleLog());

    private static IAsyncEnumerable<IReadOnlyList<LogLine>> Merge(IResource resource, Func<string, IAsyncEnumerable<IReadOnlyList<LogLine>>> read)
    {
        var names = resource.GetResolvedResourceNames();
        return names.Count == 1 ? read(names[0])
            : throw new NotSupportedException($"Resource '{resource.Name}' has {names.Count} instances: read the log of one of {string.Join(", ", names)}.");
    }

    private sealed class ConsoleLog
    {
        private readonly Lock _lock = new();
        private readonly Queue<LogLine> _backlog = new();
        private readonly List<Channel<LogLine>> _watchers = [];
        private int _lineNumber;

        internal void Write(string content, bool isErrorMessage)
        {
            lock (_lock)
            {
                var line = new LogLine(++_lineNumber, content, isErrorMessage);
                if (_backlog.Count == BacklogSize)
                {
                    _backlog.Dequeue();
                }

                _backlog.Enqueue(line);
                foreach (var watcher in _watchers)
                {
                    watcher.Writer.TryWrite(line);
                }
            }
        }

        internal List<LogLine> Lines()
        {
            lock (_lock)
            {
                return [.. _backlog];
            }
        }

        internal void Complete()
        {
            lock (_lock)
            {
                foreach (var watcher in _watchers)
                {
                    watcher.Writer.TryComplete();
                }
            }
        }

        internal async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            // A watcher that falls behind by the whole backlog loses the oldest lines; their numbers show the gap.
            var watcher = Channel.CreateBounded<LogLine>(new BoundedChannelOptions(BacklogSize) { FullMode = BoundedChannelFullMode.DropOldest });
            lock (_lock)
            {
                foreach (var line in _backlog)
                {
                    watcher.Writer.TryWrite(line);
                }

                _watchers.Add(watcher);
            }

            try
            {
                while (await watcher.Reader.WaitToReadAsync(cancellationToken))
                {
                    var batch = new List<LogLine>();
                    while (watcher.Reader.TryRead(out var line))
                    {
                        batch.Add(line);
                    }

                    if (batch.Count > 0)
                    {
                        yield return batch;
                    }
                }
            }
            finally
            {
                lock (_lock)
                {
                    _watchers.Remove(watcher);
                }
            }
        }
    }

    private sealed class ConsoleLogger(ResourceLoggerService logs, Func<IReadOnlyList<string>> names) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var text = exception is null ? formatter(state, exception) : $"{formatter(state, exception)}{Environment.NewLine}{exception}";
            var line = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffffffK} {text}");
            foreach (var name in names())
            {
                logs.Write(name, line, logLevel >= LogLevel.Error);
            }
        }
    }
}

/// <summary>One line of a console log; numbers begin at 1 and show gaps.</summary>
public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);
