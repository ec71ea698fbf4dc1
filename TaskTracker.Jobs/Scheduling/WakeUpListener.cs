using System.Globalization;
using Npgsql;
using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;
using TaskTracker.Jobs.Operations;
using TaskTracker.Jobs.Reminders;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>Holds the connection that listens for commits (<see cref="WakeUp"/>) and passes on what they ask for.</summary>
internal sealed partial class WakeUpListener(
    NpgsqlDataSource database,
    ReminderWake wake,
    ISchedulerSignaler signaler,
    RunningOperations running,
    ISchedulerFactory schedulers,
    TimeProvider clock,
    ILogger<WakeUpListener> logger) : BackgroundService
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(5);

    // Notifications that arrive within this of each other are answered together.
    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(1);

    // A node whose clock runs ahead of ours by less than this has not run a trigger that we still see ahead.
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromSeconds(1);

    private int _failures;

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
                var pause = NextPause();
                LogLost(exception.Message, pause.TotalMilliseconds);
                await Task.Delay(pause, clock, stoppingToken);
            }
        }
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var connection = await database.OpenConnectionAsync(stoppingToken);
        DateTimeOffset? asked = null;
        var isFiringStored = false;
        var cancelled = new List<string>();
        connection.Notification += (_, notification) =>
        {
            switch (notification.Channel)
            {
                case WakeUp.SchedulingChannel:
                    isFiringStored = true;
                    break;
                case WakeUp.CancelChannel:
                    cancelled.Add(notification.Payload);
                    break;
                default:
                    var moment = MomentOf(notification.Payload);
                    asked = asked < moment ? asked : moment;
                    break;
            }
        };
        const string Listen = $"listen {WakeUp.Channel}; listen {WakeUp.SchedulingChannel}; listen {WakeUp.CancelChannel}";
        await using (var listen = new NpgsqlCommand(Listen, connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        // What was announced while nobody listened is lost, so look at once.
        var stored = clock.GetUtcNow();
        await wake.WakeAtAsync(stored, stoppingToken);
        _failures = 0;

        while (true)
        {
            await connection.WaitAsync(stoppingToken);
            while (await connection.WaitAsync(s_burst, stoppingToken))
            {
                // Each turn has noted what was asked.
            }

            if (isFiringStored)
            {
                isFiringStored = false;
                await signaler.SignalSchedulingChange(null, stoppingToken);
            }

            foreach (var id in cancelled)
            {
                await CancelAsync(id, stoppingToken);
            }

            cancelled.Clear();

            if (asked is not { } moment)
            {
                continue;
            }

            asked = null;

            // The run that a stored moment brings looks for what comes after it.
            var isCovered = stored <= moment && stored > clock.GetUtcNow() + s_clockSkew;
            if (!isCovered)
            {
                await wake.WakeAtAsync(moment, stoppingToken);
                stored = moment;
            }
        }
    }

    private async Task CancelAsync(string id, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(id, out var operation))
        {
            await running.StopAsync(operation, cancellationToken);
            return;
        }

        // A run that is not here is not interrupted by this: its own node has heard of it as well.
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        await scheduler.InterruptFireInstance(id, cancellationToken);
    }

    private DateTimeOffset MomentOf(string payload)
    {
        var now = clock.GetUtcNow();
        if (payload.Length == 0)
        {
            return now;
        }

        if (DateTimeOffset.TryParse(
            payload, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment))
        {
            return moment > now ? moment : now;
        }

        LogNotAMoment(payload);
        return now;
    }

    private TimeSpan NextPause()
    {
        var pause = s_shortestPause * Math.Pow(2, Math.Min(_failures++, 10));
        var jitter = 0.8 + (0.4 * Random.Shared.NextDouble());
        return (pause < s_longestPause ? pause : s_longestPause) * jitter;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Listening for wake-ups failed: {Reason} Next try in {Milliseconds:0} ms.")]
    private partial void LogLost(string reason, double milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A wake-up should name a moment in UTC ISO 8601, but this one says '{Payload}'.")]
    private partial void LogNotAMoment(string payload);
}
