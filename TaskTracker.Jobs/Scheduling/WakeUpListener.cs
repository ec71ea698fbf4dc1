using System.Globalization;
using Npgsql;
using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Jobs.Operations;
using TaskTracker.Jobs.Reminders;

namespace TaskTracker.Jobs.Scheduling;

/// <summary>Hears of commits (<see cref="WakeUp"/>) and passes on what they ask for.</summary>
internal sealed partial class WakeUpListener(
    IConfiguration configuration,
    ReminderWake wake,
    ISchedulerSignaler signaler,
    RunningOperations running,
    ISchedulerFactory schedulers,
    DeliveryWatch deliveries,
    TimeProvider clock,
    ILogger<WakeUpListener> logger) : DatabaseListener(configuration, clock, logger)
{
    // A node whose clock runs ahead of ours by less than this has not run a trigger that we still see ahead.
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock;
    private readonly ILogger _logger = logger;
    private DateTimeOffset _stored;

    protected override IReadOnlyList<string> Channels => [WakeUp.Channel, WakeUp.SchedulingChannel, WakeUp.CancelChannel, WakeUp.DeliveriesChannel];

    protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        _stored = _clock.GetUtcNow();
        await wake.WakeAtAsync(_stored, cancellationToken);
    }

    protected override async Task ReceiveAsync(IReadOnlyList<NpgsqlNotificationEventArgs> announcements, CancellationToken cancellationToken)
    {
        var payloads = announcements.ToLookup(announcement => announcement.Channel, announcement => announcement.Payload);
        if (payloads.Contains(WakeUp.SchedulingChannel))
        {
            await signaler.SignalSchedulingChange(null, cancellationToken);
        }

        foreach (var operation in payloads[WakeUp.CancelChannel])
        {
            await CancelAsync(operation, cancellationToken);
        }

        if (payloads.Contains(WakeUp.DeliveriesChannel))
        {
            deliveries.LookNow();
        }

        if (payloads.Contains(WakeUp.Channel))
        {
            await WakeAtAsync(payloads[WakeUp.Channel].Min(MomentOf), cancellationToken);
        }
    }

    private async Task WakeAtAsync(DateTimeOffset moment, CancellationToken cancellationToken)
    {
        // The run that a stored moment brings looks for what comes after it.
        var isCovered = _stored <= moment && _stored > _clock.GetUtcNow() + s_clockSkew;
        if (!isCovered)
        {
            await wake.WakeAtAsync(moment, cancellationToken);
            _stored = moment;
        }
    }

    private async Task CancelAsync(string id, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(id, out var operation))
        {
            await running.StopAsync(operation);
            return;
        }

        // A run that is not here is not interrupted by this: its own node has heard of it as well.
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        await scheduler.InterruptFireInstance(id, cancellationToken);
    }

    private DateTimeOffset MomentOf(string payload)
    {
        var now = _clock.GetUtcNow();
        if (payload.Length == 0)
        {
            return now;
        }

        if (DateTimeOffset.TryParse(
            payload, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment))
        {
            return moment > now ? moment : now;
        }

        LogNotAMoment(_logger, payload);
        return now;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A wake-up should name a moment in UTC ISO 8601, but this one says '{Payload}'.")]
    private static partial void LogNotAMoment(ILogger logger, string payload);
}
