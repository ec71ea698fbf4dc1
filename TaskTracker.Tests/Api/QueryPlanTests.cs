using System.Data.Common;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Tests.Contract;

namespace TaskTracker.Tests.Api;

/// <summary>What PostgreSQL does for the statements that requests really send, where the tables are large.</summary>
public sealed partial class QueryPlanTests
{
    private const int Owners = 10;
    private const int TasksOfOne = 10_000;

    private static readonly string[] s_orders = ["created_at", "-created_at", "updated_at", "-updated_at", "deadline", "-deadline", "title", "-title"];

    private static readonly string[] s_filters =
    [
        "", "&completed=true", "&completed=false", "&overdue=true", "&overdue=false", "&due_before=2030-01-01", "&due_after=2030-01-01&completed=false", "&q=word77",
        "&q=word77&completed=true&overdue=false&due_after=2020-01-01&due_before=2090-01-01",
    ];

    [Fact]
    public async Task No_read_goes_through_a_whole_table()
    {
        var database = await ApiFactory.CreateDatabaseAsync();
        var sent = new Statements();
        await using var factory = new ApiFactory(
            database, "127.0.0.1:1", services: services => services.ConfigureDbContext<TaskTrackerDbContext>(options => options.AddInterceptors(sent)));
        var user = await factory.CreateUserAsync();
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await FillAsync(connection, user.Id);
        var (task, notification, export) = await FindAsync(connection, user.Id);

        // Every read there is: a route that is new has to be named here.
        var reads = new Dictionary<string, string[]>
        {
            ["/tasks"] = [.. s_orders.SelectMany(order => s_filters.Select(filter => $"/tasks?sort={order}{filter}"))],
            ["/tasks/get_tasks"] = ["/tasks/get_tasks"],
            ["/tasks/{id}"] = [$"/tasks/{task}"],
            ["/tasks/statistics"] = ["/tasks/statistics", "/tasks/statistics"],
            ["/tasks/statistics/history"] = ["/tasks/statistics/history?days=30&time_zone=Europe/Berlin"],
            ["/tasks/export-status/{id}"] = [$"/tasks/export-status/{export}"],
            ["/operations/{id}"] = [$"/operations/{export}"],
            ["/exports/{exportKey}"] = [$"/exports/{export}"],
            ["/notifications"] = ["/notifications", "/notifications?unread=true", "/notifications?unread=false&limit=200"],
            ["/notifications/unread"] = ["/notifications/unread"],
            ["/notifications/settings"] = ["/notifications/settings"],
            ["/notifications/deliveries"] = ["/notifications/deliveries"],
            ["/auth/me"] = ["/auth/me"],
            ["/notifications/stream"] = [],
        };
        var open = (string[])["/", "/health", "/alive", "/cache/status"];
        Assert.Empty(ApiRoute.All(factory).Where(route => route is { Method: "GET", NeedsRole: false }).Select(route => route.Path).Except(reads.Keys).Except(open));

        sent.Clear();
        foreach (var url in reads.Values.SelectMany(urls => urls))
        {
            using var first = await user.Client.GetAsync(url);
            Assert.True(first.StatusCode == HttpStatusCode.OK, $"{url} → {first.StatusCode}");

            // The page behind it is read by another condition.
            if (first.Headers.TryGetValues("Link", out var link))
            {
                using var next = await user.Client.GetAsync(link.Single().Split('<', '>')[1]);
                Assert.Equal(HttpStatusCode.OK, next.StatusCode);
            }
        }

        // The writes of one owner's things.
        using (await user.Client.DeleteAsync($"/tasks/{task}"))
        using (await user.Client.PostAsync($"/notifications/{notification}/read", null))
        using (await user.Client.DeleteAsync($"/operations/{export}"))
        {
        }

        var statements = sent.Take();
        Assert.True(statements.Count > s_orders.Length * s_filters.Length, $"{statements.Count} statements were seen.");
        var slow = new List<string>();
        foreach (var (text, parameters) in statements)
        {
            var plan = await ExplainAsync(connection, text, parameters);
            if (plan.Contains("Seq Scan", StringComparison.Ordinal))
            {
                slow.Add($"{text}\n{plan}");
            }

            // A walk without a filter is one descent of the order's own index, not a sort of all that the owner has.
            if (text.Contains("LIMIT", StringComparison.Ordinal) && Walk().IsMatch(text))
            {
                Assert.False(plan.Contains("Sort", StringComparison.Ordinal), $"{text}\n{plan}");
            }
        }

        Assert.Empty(slow);
        Assert.Contains(statements, statement => Walk().IsMatch(statement.Text));

        var search = statements.First(statement => statement.Text.Contains("to_tsvector", StringComparison.Ordinal));
        await using var few = new NpgsqlConnection(database);
        await few.OpenAsync();
        Assert.Contains("tasks_search", await ExplainAsync(few, RareWords().Replace(search.Text, "websearch_to_tsquery('simple', 'word77 milk')"), search.Parameters), StringComparison.Ordinal);
    }

    // Many owners, so that an index is worth it for each; and many rows of everything that is read by an owner.
    private static async Task FillAsync(NpgsqlConnection connection, int owner)
    {
        await using var fill = new NpgsqlCommand(
            $"""
            insert into users (user_name, normalized_user_name, email, normalized_email, lockout_enabled, access_failed_count, is_active, role, created_at)
            select n, upper(n), n || '@example.com', upper(n) || '@EXAMPLE.COM', true, 0, true, 'user', now() from (select 'filler-' || i as n from generate_series(1, 20000) i) names;

            create temporary table owners as
                select id, row_number() over (order by id <> {owner}, id) as place from users order by id <> {owner}, id limit {Owners};

            insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
            select id, 'task ' || (i * 7919) % {TasksOfOne}, 'word' || i % 1000, i % 4 = 0,
                case when i % 5 > 0 then now() + (i - {TasksOfOne / 2}) * interval '1 minute' end,
                now() - i * interval '1 second', now() - (i * 7919 % {TasksOfOne}) * interval '1 second'
            from owners, generate_series(1, {TasksOfOne}) i;

            insert into reminders (task_id, lead_time, due_at) select id, interval '1 day', now() from tasks;

            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at, read_at)
            select owner_id, id, 'reminder', title, now(), interval '0', now(), case when id % 3 = 0 then now() end from tasks;

            insert into notification_settings (owner_id, email_enabled) select id, true from users;
            insert into deliveries (owner_id, notification_id, channel, status, attempt, next_attempt_at, created_at, finished_at)
            select owner_id, id, 'email', 'sent', 1, now(), now(), now() from notifications;

            insert into operations (id, owner_id, kind, status, progress, input, result, attempt, created_at, seen_at, finished_at, expires_at)
            select gen_random_uuid(), id, 'export', 'completed', 100, '{"{"}"format":"csv"{"}"}', null, 1, now(), now(), now(), now() + interval '7 days'
            from owners, generate_series(1, 3000);
            insert into export_chunks (operation_id, chunk_no, data) select id, 0, '\x61' from operations;

            insert into task_statistics (owner_id, total_tasks, completed_tasks, overdue_tasks, updated_at) select id, 0, 0, 0, now() from users;
            insert into statistics_marks (owner_id) select id from users, generate_series(1, 3);
            analyze;
            """,
            connection)
        { CommandTimeout = 120 };
        await fill.ExecuteNonQueryAsync();
        await new NpgsqlCommand("vacuum analyze", connection) { CommandTimeout = 120 }.ExecuteNonQueryAsync();
    }

    private static async Task<(long Task, long Notification, Guid Export)> FindAsync(NpgsqlConnection connection, int owner)
    {
        await using var find = new NpgsqlCommand(
            $"""
            select (select id from tasks where owner_id = {owner} limit 1), (select id from notifications where owner_id = {owner} limit 1),
                (select id from operations where owner_id = {owner} limit 1)
            """,
            connection);
        await using var reader = await find.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetGuid(2));
    }

    private static async Task<string> ExplainAsync(NpgsqlConnection connection, string text, IReadOnlyList<NpgsqlParameter> parameters)
    {
        await using var explain = new NpgsqlCommand($"explain {text}", connection);
        foreach (var parameter in parameters)
        {
            explain.Parameters.Add(parameter.Clone());
        }

        await using var reader = await explain.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(reader.GetString(0));
        }

        return string.Join('\n', lines);
    }

    [GeneratedRegex(@"FROM tasks AS t\s+WHERE t\.owner_id = @\w+( AND \([^\n]*\) [<>] \([^\n]*\))?\s+ORDER BY [^\n]+, t\.id", RegexOptions.Singleline)]
    private static partial Regex Walk();

    [GeneratedRegex(@"websearch_to_tsquery\('simple', lower\([^)]*\)\)")]
    private static partial Regex RareWords();

    /// <summary>Keeps what is sent to the database, statement by statement.</summary>
    private sealed class Statements : DbCommandInterceptor
    {
        private readonly List<(string Text, IReadOnlyList<NpgsqlParameter> Parameters)> _sent = [];

        public void Clear()
        {
            lock (_sent)
            {
                _sent.Clear();
            }
        }

        public List<(string Text, IReadOnlyList<NpgsqlParameter> Parameters)> Take()
        {
            lock (_sent)
            {
                return [.. _sent];
            }
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Keep(command);
            return new(result);
        }

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Keep(command);
            return new(result);
        }

        private void Keep(DbCommand command)
        {
            var parameters = command.Parameters.Cast<NpgsqlParameter>().Select(parameter => parameter.Clone()).ToList();
            lock (_sent)
            {
                foreach (var text in command.CommandText.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                {
                    // Of what a statement has no table to read in, there is nothing to see; nor in the little tables of migrations and keys.
                    if (TableOfMany().IsMatch(text))
                    {
                        _sent.Add((text, [.. parameters.Where(parameter => text.Contains($"@{parameter.ParameterName.TrimStart('@')}", StringComparison.Ordinal))]));
                    }
                }
            }
        }
    }

    [GeneratedRegex(@"\b(tasks|reminders|notifications|operations|export_chunks|task_statistics|statistics_marks|users)\b")]
    private static partial Regex TableOfMany();
}
