using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>When tasks were done, for statistics over time, and searches while their last word is still being typed.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261122090000_PageQueries")]
public sealed class PageQueries : Migration
{
    // Single writes, bulk updates and whatever comes later set 'completed': the table itself sees all of them. Of tasks
    // that were done before there was this column, the last change is the best that is known.
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        alter table tasks add completed_at timestamptz;
        update tasks set completed_at = updated_at where completed;
        create index tasks_owner_id_completed_at on tasks (owner_id, completed_at) where completed_at is not null;

        create function keep_completion_time() returns trigger language plpgsql as $body$
        begin
            if not new.completed then
                new.completed_at := null;
            elsif tg_op = 'INSERT' or not old.completed then
                new.completed_at := new.updated_at;
            end if;
            return new;
        end
        $body$;
        create trigger tasks_completed before insert or update of completed on tasks
            for each row execute function keep_completion_time();

        create function read_search(words text) returns tsquery language sql immutable parallel safe
            return case
                when words like '%*' then to_tsquery(
                    'simple', regexp_replace(websearch_to_tsquery('simple', lower(words collate pg_c_utf8))::text, '''$', ''':*'))
                else websearch_to_tsquery('simple', lower(words collate pg_c_utf8))
            end;
        """);

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        drop function read_search(text);
        drop trigger tasks_completed on tasks;
        drop function keep_completion_time();
        drop index tasks_owner_id_completed_at;
        alter table tasks drop completed_at;
        """);
}
