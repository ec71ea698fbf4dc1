using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>
/// Replicas of the version before go on serving while a migration is applied, and after it: so it takes away nothing that they read
/// or write by, and asks nothing of their rows that was not asked before.
/// </summary>
public sealed class ExpandOnlyTests
{
    // What takes away what the release before no longer uses: the migration, and the sentences of this test that it may cause.
    private static readonly Dictionary<string, string[]> s_contractions = [];

    [Fact]
    public async Task No_migration_breaks_the_version_before_it()
    {
        var database = await JobsDatabase.CreateEmptyAsync();
        await using var db = database.Open();
        var broken = new List<string>();

        foreach (var migration in db.Database.GetMigrations())
        {
            var found = await BreaksAsync(database.ConnectionString, () => db.GetService<IMigrator>().MigrateAsync(migration));
            broken.AddRange(found.Except(s_contractions.GetValueOrDefault(migration) ?? []).Select(sentence => $"{migration}: {sentence}"));
        }

        Assert.Empty(broken);
    }

    [Fact]
    public async Task What_the_test_of_an_upgrade_adds_is_allowed() => Assert.Empty(await BreaksAsync(RollingUpgradeTests.Expansion));

    [Theory]
    [InlineData("drop table idempotent_answers", "idempotent_answers: key character varying(200) not null is gone")]
    [InlineData("alter table tasks drop description", "tasks: description character varying(10000) not null is gone")]
    [InlineData("alter table tasks rename title to name", "tasks: title character varying(200) not null is gone")]
    [InlineData("alter table tasks alter title type varchar(100)", "tasks: title character varying(200) not null is gone")]
    [InlineData("alter table tasks alter title drop not null", "tasks: title character varying(200) not null is gone")]
    [InlineData("alter table tasks add colour text not null", "tasks: colour must be given, which is new")]
    [InlineData("alter table tasks alter deadline set not null", "tasks: deadline must be given, which is new")]
    [InlineData("alter table tasks add check (title <> 'none')", "tasks: CHECK (((title)::text <> 'none'::text)), which is new")]
    [InlineData("create unique index tasks_title on tasks (title)", "tasks: CREATE UNIQUE INDEX tasks_title ON public.tasks USING btree (title), which is new")]
    [InlineData("drop function read_search(text)", "function: read_search(text) is gone")]
    public async Task What_would_break_it_is_seen(string statement, string sentence) => Assert.Contains(sentence, await BreaksAsync(statement));

    private static async Task<IEnumerable<string>> BreaksAsync(string statement)
    {
        var database = await JobsDatabase.CreateAsync();
        return await BreaksAsync(database.ConnectionString, () => OperationClient.ExecuteAsync(database.ConnectionString, statement));
    }

    private static async Task<IEnumerable<string>> BreaksAsync(string database, Func<Task> change)
    {
        var before = await ReadAsync(database);
        await change();
        var after = await ReadAsync(database);

        var tables = before.Select(rule => rule.Table).ToHashSet();
        return
        [
            .. before.Except(after).Where(rule => rule.IsPromise).Select(rule => $"{rule.Table}: {rule.Text} is gone"),
            .. after.Except(before).Where(rule => !rule.IsPromise && tables.Contains(rule.Table)).Select(rule => $"{rule.Table}: {rule.Text}, which is new"),
        ];
    }

    private static async Task<HashSet<Rule>> ReadAsync(string database)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(
            """
            with columns as (
                select relname::text as table, attname as name, attnotnull as never_null, format_type(atttypid, atttypmod) as type,
                    atthasdef or attidentity <> '' as fills_itself
                from pg_attribute join pg_class on pg_class.oid = attrelid
                where relkind = 'r' and relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
            )
            select true, "table", name || ' ' || type || case when never_null then ' not null' else '' end from columns
            union all
            select false, "table", name || ' must be given' from columns where never_null and not fills_itself
            union all
            select is_promise, tablename::text, indexdef from pg_indexes, (values (true), (false)) kinds (is_promise)
            where schemaname = 'public' and indexdef like 'CREATE UNIQUE%'
            union all
            select false, conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
            where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'x')
            union all
            select true, 'function', oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var rules = new HashSet<Rule>();
        while (await reader.ReadAsync())
        {
            rules.Add(new(reader.GetBoolean(0), reader.GetString(1), reader.GetString(2)));
        }

        return rules;
    }

    /// <summary>Something a table does for those who use it (a promise), or asks of them.</summary>
    private sealed record Rule(bool IsPromise, string Table, string Text);
}
