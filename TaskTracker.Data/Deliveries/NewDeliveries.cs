namespace TaskTracker.Data.Deliveries;

/// <summary>
/// The one place where deliveries come from: a part of the statement that makes notifications, so that either both are
/// there or neither is.
/// </summary>
public static class NewDeliveries
{
    /// <summary>
    /// A <c>with</c> query named <c>queued</c>. It goes behind one named <c>told</c> with the columns <c>id</c> (the
    /// notification's), <c>owner_id</c>, <c>created_at</c> and <c>trace_parent</c>, and inserts what the owners' settings
    /// ask for; for owners without settings that is nothing. The jobs service is woken by the commit, once however many
    /// rows there are: PostgreSQL sends equal notifications of one transaction as one.
    /// </summary>
    public const string Queued =
        $"""
        queued as (
            insert into deliveries (owner_id, notification_id, channel, status, attempt, next_attempt_at, trace_parent, created_at)
            select told.owner_id, told.id, channels.name, 'pending', 0, told.created_at, told.trace_parent, told.created_at
            from told
            join notification_settings settings on settings.owner_id = told.owner_id
            cross join lateral (values ('email', settings.email_enabled), ('webhook', settings.webhook_url is not null)) channels (name, is_on)
            where channels.is_on
            returning id, (select pg_notify('{WakeUp.DeliveriesChannel}', ''))
        )
        """;
}
