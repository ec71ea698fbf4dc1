using Npgsql;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>
/// Fills a database: one user with 10,000 tasks, users with 100 each, and users without any. The same numbers give the same
/// rows. Nothing falls due while it is measured.
/// </summary>
internal static class SeedData
{
    /// <summary>How many tasks the busy user has.</summary>
    public const int TasksOfBusyUser = 10_000;

    /// <summary>How many tasks a typical user has.</summary>
    public const int TasksOfUser = 100;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    /// <summary>The name of a user; the first, number 0, is the busy one.</summary>
    public static string NameOf(int user) => $"bench-{user:00000}";

    /// <summary>Adds users who have the password of one that is there.</summary>
    /// <returns>The number of the first; the others follow it.</returns>
    public static async Task<int> AddUsersAsync(NpgsqlDataSource database, int count, string likeUser, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            with added as (
                insert into users (user_name, normalized_user_name, email, normalized_email, password_hash, security_stamp, concurrency_stamp,
                    lockout_enabled, access_failed_count, is_active, role, created_at)
                select name, upper(name), name || '@example.com', upper(name || '@example.com'), password_hash, gen_random_uuid(), gen_random_uuid(),
                    lockout_enabled, 0, true, 'user', now()
                from users, (select 'bench-' || to_char(i, 'FM00000') as name from generate_series(0, $1 - 1) i) names
                where user_name = $2
                order by name
                returning id
            )
            select min(id) from added
            """);
        command.Parameters.AddWithValue(count);
        command.Parameters.AddWithValue(likeUser);

        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Adds tasks: the first 10,000 are the busy user's where there are more, then come 100 for each user. Three of ten are done, half of the open ones have a deadline and a reminder.</summary>
    public static async Task AddTasksAsync(NpgsqlDataSource database, int firstUser, int count, CancellationToken cancellationToken)
    {
        var busy = count > TasksOfBusyUser ? TasksOfBusyUser : 0;

        // Indexes are built once at the end: entry by entry a million rows would take minutes.
        var indexes = await ReadAsync(
            database,
            """
            select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
            where indrelid in ('tasks'::regclass, 'reminders'::regclass) and not indisprimary and not indisunique
            """,
            cancellationToken);
        await RunAsync($"drop index {string.Join(", ", indexes.Select(index => index.Name))}");
        await RunAsync(
            $"""
            insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
            select
                {firstUser} + case when i < {busy} then 0 else 1 + (i - {busy}) / {TasksOfUser} end,
                verbs[1 + i % 8] || ' ' || things[1 + i / 8 % 8] || ' ' || to_char(i, 'FM0000000'),
                'Before that, ' || lower(verbs[1 + i / 3 % 8]) || ' ' || things[1 + i / 5 % 8] || ', and ask ' || people[1 + i / 7 % 8]
                    || ' whether ' || things[1 + i / 11 % 8] || ' can wait until the end of the month.',
                i % 10 < 3,
                case when i % 10 >= 3 and i % 2 = 0 then timestamptz '2035-01-01 00:00:00Z' + interval '1 minute' * (i % 500000) end,
                timestamptz '2026-01-01 00:00:00Z' + interval '1 second' * i,
                timestamptz '2026-01-01 00:00:00Z' + interval '1 second' * i
            from generate_series(0, {count} - 1) i,
                (select '{"{Water,Call,Write,Order,Mend,Check,Pay,Read}"}'::text[] as verbs,
                    '{"{the plants,the landlord,the report,the spare parts,the bicycle,the invoices,the rent,the contract}"}'::text[] as things,
                    '{"{Ada,Grace,Edsger,Barbara,Alan,Donald,Katherine,Tim}"}'::text[] as people) words
            """);
        await RunAsync("insert into reminders (task_id, lead_time, due_at) select id, interval '1 day', deadline - interval '1 day' from tasks where deadline is not null and not completed");
        foreach (var (_, definition) in indexes)
        {
            await RunAsync(definition);
        }

        await RunAsync("vacuum analyze");
        await RunAsync("checkpoint");

        async Task RunAsync(string sql)
        {
            await using var command = database.CreateCommand(sql);
            command.CommandTimeout = (int)s_limit.TotalSeconds;
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private static async Task<List<(string Name, string Definition)>> ReadAsync(NpgsqlDataSource database, string sql, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        List<(string, string)> read = [];
        while (await rows.ReadAsync(cancellationToken))
        {
            read.Add((rows.GetString(0), rows.GetString(1)));
        }

        return read;
    }
}
