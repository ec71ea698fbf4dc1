using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Api.Notifications;

/// <summary>Writes users' channels, and tries them.</summary>
internal sealed class ChannelSettings(TaskTrackerDbContext db, OwnerTransaction transaction, WebhookSecrets secrets, TimeProvider clock)
{
    /// <summary>How long a user waits between two tests: each is a request to a server that may not be theirs.</summary>
    public static readonly TimeSpan BetweenTests = TimeSpan.FromSeconds(10);

    private const string QueueTest =
        $"""
        with told as (
            select null::bigint as id, @owner as owner_id, @now as created_at, @cause as trace_parent
        ), {NewDeliveries.Queued}
        select id as "Value" from queued
        """;

    /// <summary>Changes what the request names; its URL was checked before.</summary>
    public Task<NotificationSettingsResponse> UpdateAsync(int owner, UpdateNotificationSettingsRequest request, CancellationToken cancellationToken) =>
        transaction.RunAsync(
            [],
            async attempt =>
            {
                await db.Database.ExecuteSqlAsync(
                    $"insert into notification_settings (owner_id, email_enabled) values ({owner}, false) on conflict do nothing", attempt);
                var settings = await LockAsync(owner, attempt);
                settings.EmailEnabled = request.EmailEnabled ?? settings.EmailEnabled;

                string? secret = null;
                if (request.HasWebhookUrl && request.WebhookUrl != settings.WebhookUrl)
                {
                    // Who received at the old URL must not be able to sign for the new one.
                    secret = request.WebhookUrl is null ? null : WebhookSecrets.Create();
                    settings.WebhookUrl = request.WebhookUrl;
                    settings.WebhookSecret = secret is null ? null : secrets.Seal(owner, secret);
                }

                await db.SaveChangesAsync(attempt);

                return NotificationSettingsResponse.From(settings, secret);
            },
            cancellationToken);

    /// <summary>Queues a test message for each channel that is on; it takes the place of the one before.</summary>
    /// <returns>What was queued, or null where the last test was a moment ago.</returns>
    public Task<List<Delivery>?> TestAsync(int owner, CancellationToken cancellationToken) =>
        transaction.RunAsync<List<Delivery>?>(
            [],
            async attempt =>
            {
                // One after the other: of two tests at the same moment the second must see the first.
                await db.Database.ExecuteSqlAsync($"select from notification_settings where owner_id = {owner} for update", attempt);
                var now = clock.GetUtcNow();
                var tests = db.Deliveries.Where(delivery => delivery.OwnerId == owner && delivery.NotificationId == null);
                if (await tests.AnyAsync(delivery => delivery.CreatedAt > now - BetweenTests, attempt))
                {
                    return null;
                }

                await tests.ExecuteDeleteAsync(attempt);
                var ids = await db.Database.SqlQueryRaw<long>(
                    QueueTest,
                    new NpgsqlParameter("owner", owner),
                    new NpgsqlParameter("now", now),
                    new NpgsqlParameter("cause", NpgsqlDbType.Text)
                    {
                        Value = Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } cause } ? cause : DBNull.Value,
                    }).ToListAsync(attempt);

                return await db.Deliveries.AsNoTracking().Where(delivery => ids.Contains(delivery.Id)).OrderBy(delivery => delivery.Id).ToListAsync(attempt);
            },
            cancellationToken);

    private async Task<NotificationSettings> LockAsync(int owner, CancellationToken cancellationToken) =>
        (await db.NotificationSettings.FromSql($"select owner_id, email_enabled, webhook_url, webhook_secret from notification_settings where owner_id = {owner} for update").ToListAsync(cancellationToken))
        .Single();
}
