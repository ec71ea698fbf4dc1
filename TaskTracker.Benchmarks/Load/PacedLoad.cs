using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace TaskTracker.Benchmarks.Load;

/// <summary>
/// Sends requests at a fixed rate, whether or not the ones before have their answers. A request's time counts from when it was
/// due, so that one that had to wait for its turn is a slow one.
/// </summary>
/// <param name="load">The requests.</param>
/// <param name="perSecond">How many a second.</param>
internal sealed class PacedLoad(HttpLoad load, double perSecond)
{
    private const int Senders = 32;

    private readonly ConcurrentQueue<double> _times = [];
    private long _errors;
    private long _number = 9_000_000_000;

    /// <summary>How many requests were refused or broke so far.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    /// <summary>The milliseconds of each request since the last call.</summary>
    public List<double> TakeTimes()
    {
        List<double> taken = [];
        while (_times.TryDequeue(out var time))
        {
            taken.Add(time);
        }

        return taken;
    }

    /// <summary>Sends until it is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        return Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => SendAsync(sender, begun, cancellationToken), CancellationToken.None)));
    }

    private async Task SendAsync(int sender, long begun, CancellationToken cancellationToken)
    {
        using var connection = new RawConnection(load.Server);
        for (var turn = (long)sender; ; turn += Senders)
        {
            var due = TimeSpan.FromSeconds(turn / perSecond);
            try
            {
                if (due - Stopwatch.GetElapsedTime(begun) is { Ticks: > 0 } early)
                {
                    await Task.Delay(early, cancellationToken);
                }

                var text = load.Requests[(int)(turn % load.Requests.Count)].Replace(HttpLoad.NewNumber, $"{Interlocked.Increment(ref _number)}", StringComparison.Ordinal);
                if (await connection.AskAsync(text, cancellationToken) >= 400)
                {
                    Interlocked.Increment(ref _errors);
                }

                _times.Enqueue((Stopwatch.GetElapsedTime(begun) - due).TotalMilliseconds);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception exception) when (exception is IOException or SocketException)
            {
                Interlocked.Increment(ref _errors);
            }
        }
    }
}
