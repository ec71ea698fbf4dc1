using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>Work on demand, and the files of exports.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261122010000_Operations")]
public sealed class Operations : Migration
{
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        create table operations (
            id uuid primary key,
            owner_id integer not null references users on delete cascade,
            kind text not null check (kind in ('export', 'bulk_update')),
            status text not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
            progress integer not null check (progress between 0 and 100),
            input jsonb not null,
            result jsonb,
            error text,
            attempt integer not null,
            cancel_requested_at timestamptz,
            trace_parent varchar(55),
            created_at timestamptz not null,
            started_at timestamptz,
            seen_at timestamptz not null,
            finished_at timestamptz,
            expires_at timestamptz
        );
        create index operations_owner_id on operations (owner_id);
        create index operations_open on operations (seen_at) where status in ('pending', 'running');
        create index operations_finished_at on operations (finished_at) where finished_at is not null;
        create index operations_expires_at on operations (expires_at) where expires_at is not null;

        create table export_chunks (
            operation_id uuid not null references operations on delete cascade,
            chunk_no integer not null,
            data bytea not null check (octet_length(data) <= 1048576),
            primary key (operation_id, chunk_no)
        );
        -- Compressing each megabyte would cost more than the space it saves for a week.
        alter table export_chunks alter column data set storage external;
        """);

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("drop table export_chunks, operations;");
}
