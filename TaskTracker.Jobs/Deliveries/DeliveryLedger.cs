using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>
/// The rows of deliveries: who holds which attempt, and how it ended. Each method is one short statement; no transaction
/// is open while something is being sent.
/// </summary>
internal sealed class DeliveryLedger(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>
    /// How long an attempt is its taker's: longer than a batch can wait and be sent. Then it counts as lost, and another begins.
    /// </summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private const string Claim =
        """
        with due as (
            select id from deliveries
            where status = 'pending' and next_attempt_at <= @now
            order by next_attempt_at
            limit @batch
            for update skip locked
        ), claimed as (
            update deliveries set attempt = attempt + 1, next_attempt_at = @lease_ends
            from due where deliveries.id = due.id
            returning deliveries.*
        )
        select claimed.id as "Id", claimed.owner_id as "OwnerId", claimed.channel as "Channel", claimed.attempt as "Attempt",
            claimed.created_at as "CreatedAt", claimed.trace_parent as "TraceParent",
            users.is_active and case claimed.channel
                when 'email' then coalesce(settings.email_enabled, false)
                else settings.webhook_url is not null end as "IsOn",
            users.email as "Email", settings.webhook_url as "WebhookUrl", settings.webhook_secret as "WebhookSecret",
            notifications.id as "NotificationId", notifications.kind as "Kind", notifications.task_id as "TaskId",
            notifications.title as "Title", notifications.deadline as "Deadline", notifications.lead_time as "LeadTime"
        from claimed
        join users on users.id = claimed.owner_id
        left join notification_settings settings on settings.owner_id = claimed.owner_id
        left join notifications on notifications.id = claimed.notification_id
        """;

    /// <summary>Whether there is anything to claim.</summary>
    public Task<bool> IsAnyDueAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return db.Deliveries.AnyAsync(delivery => delivery.Status == DeliveryStatus.Pending && delivery.NextAttemptAt <= now, cancellationToken);
    }

    /// <summary>Begins the next attempt at deliveries that are due and that nobody else is taking.</summary>
    public Task<List<ClaimedDelivery>> ClaimAsync(int limit, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return db.Database.SqlQueryRaw<ClaimedDelivery>(
            Claim, new NpgsqlParameter("now", now), new NpgsqlParameter("batch", limit), new NpgsqlParameter("lease_ends", now + Lease))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Writes how a delivery ended.</summary>
    /// <returns>Whether the attempt was still ours.</returns>
    public async Task<bool> EndAsync(ClaimedDelivery attempt, DeliveryStatus status, string? error, CancellationToken cancellationToken)
    {
        DateTimeOffset? now = clock.GetUtcNow();
        return await Held(attempt).ExecuteUpdateAsync(
            set => set
                .SetProperty(delivery => delivery.Status, status)
                .SetProperty(delivery => delivery.LastError, error)
                .SetProperty(delivery => delivery.FinishedAt, now),
            cancellationToken) > 0;
    }

    /// <summary>Writes that an attempt failed and when the next begins.</summary>
    /// <returns>Whether the attempt was still ours.</returns>
    public async Task<bool> RetryAsync(ClaimedDelivery attempt, DateTimeOffset at, string error, CancellationToken cancellationToken) =>
        await Held(attempt).ExecuteUpdateAsync(
            set => set
                .SetProperty(delivery => delivery.NextAttemptAt, at)
                .SetProperty(delivery => delivery.LastError, error),
            cancellationToken) > 0;

    /// <summary>
    /// Puts off what else is due to a receiver that did not answer, and counts that as an attempt: a receiver that is down
    /// is asked once for all, and holds up nobody else. A webhook's receiver is its owner's, all e-mail has one.
    /// </summary>
    /// <returns>How many were put off.</returns>
    public Task<int> PutOffAsync(ClaimedDelivery failed, DateTimeOffset until, int maxAttempts, string error, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        int? owner = failed.Way == DeliveryChannel.Webhook ? failed.OwnerId : null;

        // Those that another is taking are left to it.
        return db.Database.ExecuteSqlAsync(
            $"""
            update deliveries set attempt = attempt + 1, next_attempt_at = {until}, last_error = {error},
                status = case when attempt + 1 < {maxAttempts} then 'pending' else 'failed' end,
                finished_at = case when attempt + 1 < {maxAttempts} then null else {now} end
            from (
                select id from deliveries
                where status = 'pending' and next_attempt_at <= {now} and channel = {failed.Channel}
                    and ({owner}::integer is null or owner_id = {owner})
                for update skip locked
            ) due
            where deliveries.id = due.id
            """,
            cancellationToken);
    }

    /// <summary>Undoes the claim of attempts that were not made, or not to their end, because their taker stops.</summary>
    public Task<int> GiveBackAsync(IEnumerable<ClaimedDelivery> attempts, CancellationToken cancellationToken)
    {
        var held = attempts.ToList();
        long[] ids = [.. held.Select(attempt => attempt.Id)];
        int[] numbers = [.. held.Select(attempt => attempt.Attempt)];
        return db.Database.ExecuteSqlAsync(
            $"""
            update deliveries set attempt = deliveries.attempt - 1, next_attempt_at = {clock.GetUtcNow()}
            from unnest({ids}, {numbers}) as held (id, attempt)
            where deliveries.id = held.id and deliveries.attempt = held.attempt and status = 'pending'
            """,
            cancellationToken);
    }

    private IQueryable<Delivery> Held(ClaimedDelivery attempt) => db.Deliveries.Where(
        delivery => delivery.Id == attempt.Id && delivery.Attempt == attempt.Attempt && delivery.Status == DeliveryStatus.Pending);
}
