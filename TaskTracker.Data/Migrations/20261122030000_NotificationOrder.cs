using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>By which transaction a notification was inserted, and which had not ended by then.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261122030000_NotificationOrder")]
public sealed class NotificationOrder : Migration
{
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        alter table notifications
            add transaction xid8 not null default pg_current_xact_id(),
            add oldest_open_transaction xid8 not null default pg_snapshot_xmin(pg_current_snapshot());
        create index notifications_owner_id_transaction on notifications (owner_id, transaction);

        -- The rows of one transaction are told in the order of their numbers.
        create or replace function tell_of_notifications() returns trigger language plpgsql as $body$
        begin
            perform pg_notify('tasktracker_notifications', string_agg(id::text, ',' order by id))
            from (select id, row_number() over (order by id) / 300 as part from inserted) parts
            group by part
            order by part;
            return null;
        end
        $body$;
        """);

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        alter table notifications drop transaction, drop oldest_open_transaction;
        """);
}
