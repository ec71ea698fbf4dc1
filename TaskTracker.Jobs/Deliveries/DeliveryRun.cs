using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>
/// Sends what is due, so many at a time, until nothing is left. What is sent arrives at least once: who dies between the
/// receiver's answer and the row that says so leaves it to another, who sends again under the same number.
/// </summary>
internal sealed partial class DeliveryRun(
    IServiceScopeFactory scopes,
    EmailChannel email,
    WebhookChannel webhook,
    DeliveryTelemetry telemetry,
    IOptions<DeliveryOptions> options,
    TimeProvider clock,
    ILogger<DeliveryRun> logger)
{
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromHours(8);

    // Well within the job's own limit; whatever is due then starts the next run.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private int _underWay;

    /// <summary>Whether this replica is sending.</summary>
    public bool IsUnderWay => Volatile.Read(ref _underWay) == 1;

    /// <summary>Sends what is due.</summary>
    /// <returns>What came of it; null where this replica is sending already.</returns>
    public async Task<DeliveryReport?> SendDueAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _underWay, 1) == 1)
        {
            return null;
        }

        var report = new DeliveryReport();
        var held = new ConcurrentDictionary<long, ClaimedDelivery>();
        try
        {
            await Parallel.ForEachAsync(
                ClaimAsync(held, cancellationToken),
                new ParallelOptions { MaxDegreeOfParallelism = options.Value.Parallelism, CancellationToken = cancellationToken },
                async (attempt, token) =>
                {
                    report.Count(await DeliverAsync(attempt, token));
                    held.TryRemove(attempt.Id, out _);
                });

            return report;
        }
        finally
        {
            await GiveBackAsync(held.Values);
            Volatile.Write(ref _underWay, 0);
        }
    }

    /// <summary>How long to wait after an attempt.</summary>
    /// <param name="attempt">Its number.</param>
    public TimeSpan DelayAfter(int attempt)
    {
        var delay = options.Value.FirstRetry * Math.Pow(4, Math.Min(attempt - 1, 10));
        var jitter = 0.8 + (0.4 * Random.Shared.NextDouble());
        return (delay < s_longestRetry ? delay : s_longestRetry) * jitter;
    }

    // Claimed when somebody is free to send it, so that no claim grows old in a queue.
    private async IAsyncEnumerable<ClaimedDelivery> ClaimAsync(
        ConcurrentDictionary<long, ClaimedDelivery> held, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        while (clock.GetElapsedTime(started) < s_limit)
        {
            var batch = await WithLedgerAsync(ledger => ledger.ClaimAsync(2 * options.Value.Parallelism, cancellationToken));
            if (batch.Count == 0)
            {
                yield break;
            }

            foreach (var attempt in batch)
            {
                held[attempt.Id] = attempt;
            }

            foreach (var attempt in batch)
            {
                yield return attempt;
            }
        }
    }

    private async Task<DeliveryOutcome> DeliverAsync(ClaimedDelivery attempt, CancellationToken cancellationToken)
    {
        using var span = DeliveryTelemetry.Start(attempt);
        DeliveryOutcome outcome;
        try
        {
            outcome = await SendAsync(attempt, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The lease ends, and it is tried again: what was sent is then sent twice.
            LogNotWritten(attempt.Id, exception.Message);
            outcome = DeliveryOutcome.Lost;
        }

        telemetry.Record(span, attempt, outcome);
        return outcome;
    }

    private async Task<DeliveryOutcome> SendAsync(ClaimedDelivery attempt, CancellationToken cancellationToken)
    {
        if (!attempt.IsOn)
        {
            return await EndAsync(attempt, DeliveryStatus.Cancelled, null, DeliveryOutcome.Cancelled);
        }

        if (attempt.Attempt > options.Value.MaxAttempts)
        {
            return await EndAsync(attempt, DeliveryStatus.Failed, "Given up: the last attempt never came to an end.", DeliveryOutcome.Failed);
        }

        try
        {
            await (attempt.Way == DeliveryChannel.Email ? email.SendAsync(attempt, cancellationToken) : webhook.SendAsync(attempt, cancellationToken));
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            var failure = exception as DeliveryException ?? new DeliveryException("Something went wrong on our side.", exception);
            Log(attempt, failure);
            return await FailAsync(attempt, failure);
        }

        return await EndAsync(attempt, DeliveryStatus.Sent, null, DeliveryOutcome.Sent);
    }

    // What a webhook's receiver did may name its address; the mail server is the operator's own.
    private void Log(ClaimedDelivery attempt, DeliveryException failure)
    {
        var cause = failure.GetBaseException();
        if (attempt.Way == DeliveryChannel.Email && failure.IsUnreachable)
        {
            LogMailServerAway(failure.Message, cause.Message);
        }
        else
        {
            var kind = cause.GetType().Name;
            LogFailed(attempt.Id, attempt.Attempt, failure.Message, kind);
        }
    }

    // What has happened is written also while this process is being stopped.
    private async Task<DeliveryOutcome> EndAsync(ClaimedDelivery attempt, DeliveryStatus status, string? error, DeliveryOutcome outcome) =>
        await WithLedgerAsync(ledger => ledger.EndAsync(attempt, status, error, CancellationToken.None)) ? outcome : DeliveryOutcome.Lost;

    private async Task<DeliveryOutcome> FailAsync(ClaimedDelivery attempt, DeliveryException failure)
    {
        var next = clock.GetUtcNow() + DelayAfter(attempt.Attempt);
        if (failure.IsUnreachable)
        {
            await WithLedgerAsync(ledger => ledger.PutOffAsync(attempt, next, options.Value.MaxAttempts, failure.Message, CancellationToken.None));
        }

        if (failure.IsFinal || attempt.Attempt >= options.Value.MaxAttempts)
        {
            return await EndAsync(attempt, DeliveryStatus.Failed, failure.Message, DeliveryOutcome.Failed);
        }

        return await WithLedgerAsync(ledger => ledger.RetryAsync(attempt, next, failure.Message, CancellationToken.None))
            ? DeliveryOutcome.Retried
            : DeliveryOutcome.Lost;
    }

    private async Task GiveBackAsync(ICollection<ClaimedDelivery> held)
    {
        if (held.Count == 0)
        {
            return;
        }

        try
        {
            await WithLedgerAsync(ledger => ledger.GiveBackAsync(held, CancellationToken.None));
        }
        catch (Exception exception)
        {
            LogNotGivenBack(held.Count, exception.Message);
        }
    }

    private async Task<T> WithLedgerAsync<T>(Func<DeliveryLedger, Task<T>> use)
    {
        await using var scope = scopes.CreateAsyncScope();
        return await use(scope.ServiceProvider.GetRequiredService<DeliveryLedger>());
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Delivery {Delivery} failed in attempt {Attempt}: {Error} ({Cause})")]
    private partial void LogFailed(long delivery, int attempt, string error, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No e-mail can be sent: {Error} ({Cause})")]
    private partial void LogMailServerAway(string error, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "How the attempt at delivery {Delivery} ended could not be written, so it may be sent again: {Reason}")]
    private partial void LogNotWritten(long delivery, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} deliveries could not be given back, so they wait for the end of their leases: {Reason}")]
    private partial void LogNotGivenBack(int count, string reason);
}

/// <summary>What became of an attempt.</summary>
internal enum DeliveryOutcome
{
    /// <summary>The receiver has taken it.</summary>
    Sent,

    /// <summary>There will be another.</summary>
    Retried,

    /// <summary>It was the last.</summary>
    Failed,

    /// <summary>Its owner does not want it any more.</summary>
    Cancelled,

    /// <summary>Another has taken over meanwhile, or how it ended could not be written.</summary>
    Lost,
}

/// <summary>How many attempts of a run ended in which way.</summary>
internal sealed class DeliveryReport
{
    private readonly int[] _counts = new int[Enum.GetValues<DeliveryOutcome>().Length];

    public int this[DeliveryOutcome outcome] => _counts[(int)outcome];

    public int Total => _counts.Sum();

    public void Count(DeliveryOutcome outcome) => Interlocked.Increment(ref _counts[(int)outcome]);
}
