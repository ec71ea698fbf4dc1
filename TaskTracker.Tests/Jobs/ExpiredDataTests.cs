using Microsoft.Extensions.Options;
using StackExchange.Redis;
using TaskTracker.Jobs.Cleanup;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Jobs;

public sealed class ExpiredDataTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 29, 2, 0, 0, TimeSpan.Zero);

    private readonly CleanupOptions _options = new();
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Nothing_that_has_not_expired_is_deleted()
    {
        await AddOperationAsync("completed", finished: "29 days 23 hours");
        await AddOperationAsync("completed", finished: "40 days", expires: "59 minutes", chunks: 2);
        await AddOperationAsync("running", finished: null);
        await AddNotificationsAsync("reminder", "89 days 23 hours");
        await AddTokensAsync("-1 second");
        await AddAnswersAsync("23 hours 59 minutes");

        Assert.Equal(new CleanupRun(0, 0, 0, 0, 0), await DeleteAsync());
    }

    [Fact]
    public async Task The_file_of_an_export_goes_when_it_has_expired_and_the_export_later()
    {
        await AddOperationAsync("completed", finished: "8 days", expires: "1 hour", chunks: 3);
        await AddOperationAsync("completed", finished: "40 days", expires: "33 days", chunks: 2);

        Assert.Equal(new CleanupRun(5, 1, 0, 0, 0), await DeleteAsync());
        Assert.Equal(1, await _database.QueryAsync<long>("select count(*) from operations"));
        Assert.Equal(0, await _database.QueryAsync<long>("select count(*) from export_chunks"));
    }

    [Fact]
    public async Task Operations_go_however_they_ended()
    {
        foreach (var status in new[] { "completed", "failed", "cancelled" })
        {
            await AddOperationAsync(status, finished: "30 days");
        }

        Assert.Equal(new CleanupRun(0, 3, 0, 0, 0), await DeleteAsync());
    }

    [Fact]
    public async Task Old_notifications_go_read_or_not()
    {
        await AddNotificationsAsync("reminder", "90 days");
        await AddNotificationsAsync("overdue", "91 days");
        await _database.ExecuteAsync("update notifications set read_at = now() where kind = 'reminder'");

        Assert.Equal(new CleanupRun(0, 0, 2, 0, 0), await DeleteAsync());
    }

    [Fact]
    public async Task An_old_notification_of_a_task_that_is_still_overdue_stays()
    {
        // More than one batch of them, and older than the one that goes.
        var kept = ExpiredData.BatchSize + 1;
        await _database.ExecuteAsync(
            $"""
            with overdue as (
                insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
                select {_database.OwnerId}, 'a', '', false, timestamptz '2025-01-01 00:00Z', now(), now() from generate_series(1, {kept})
                returning *
            )
            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
            select owner_id, id, 'overdue', title, deadline, interval '0', deadline from overdue
            """);
        await AddNotificationsAsync("reminder", "91 days");

        Assert.Equal(new CleanupRun(0, 0, 1, 0, 0), await DeleteAsync());
        Assert.Equal(kept, (await _database.NotificationsAsync()).Count);

        await _database.ExecuteAsync("update tasks set completed = true where id % 2 = 0; update tasks set deadline = deadline + interval '1 day' where id % 2 = 1");
        Assert.Equal(new CleanupRun(0, 0, kept, 0, 0), await DeleteAsync());
    }

    [Fact]
    public async Task Tokens_that_have_expired_go_and_so_do_answers_whose_key_is_forgotten()
    {
        await AddTokensAsync("0 seconds");
        await AddAnswersAsync("24 hours");

        Assert.Equal(new CleanupRun(0, 0, 0, 1, 1), await DeleteAsync());
    }

    [Fact]
    public async Task Two_cleanups_at_once_delete_everything_that_has_expired_once()
    {
        var many = ExpiredData.BatchSize + 500;
        await AddOperationAsync("completed", finished: "31 days", expires: "24 days", chunks: ExpiredData.ChunkBatchSize + 50);
        await AddNotificationsAsync("reminder", "91 days", many);
        await AddTokensAsync("1 day", many);
        await AddAnswersAsync("2 days", many);

        var runs = await Task.WhenAll(Task.Run(DeleteAsync), Task.Run(DeleteAsync));

        // An operation whose chunks the other run still holds goes with them.
        Assert.Equal(1 + (3 * many), runs.Sum(run => run.Total - run.ExportChunks));
        Assert.Equal(new CleanupRun(0, 0, 0, 0, 0), await DeleteAsync());
        Assert.Equal(0, await _database.QueryAsync<long>("select count(*) from export_chunks"));
    }

    [Fact]
    public async Task Retentions_are_settings()
    {
        _options.Notifications = TimeSpan.FromDays(1);
        _options.Operations = TimeSpan.FromDays(2);
        await AddNotificationsAsync("reminder", "1 day");
        await AddOperationAsync("failed", finished: "2 days");

        Assert.Equal(new CleanupRun(0, 1, 1, 0, 0), await DeleteAsync());
    }

    [Fact]
    public async Task The_cache_needs_no_cleanup_because_all_its_keys_end_but_the_epoch()
    {
        using var redis = await Servers.StartRedisAsync();
        await using var api = new ApiFactory(_database.ConnectionString, redis.ConnectionString);
        await api.WaitForCacheAsync();
        var user = await api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("a");
        foreach (var path in new[] { "/tasks", "/tasks/get_tasks", $"/tasks/{task}", "/tasks/statistics" })
        {
            await user.Client.GetStringAsync(path);
        }

        using var connection = await ConnectionMultiplexer.ConnectAsync(redis.ConnectionString);
        var keys = connection.GetServer(connection.GetEndPoints().Single()).Keys().ToList();
        var endless = new List<string>();
        foreach (var key in keys)
        {
            if (await connection.GetDatabase().KeyTimeToLiveAsync(key) is null && await connection.GetDatabase().KeyExistsAsync(key))
            {
                endless.Add(key!);
            }
        }

        Assert.True(keys.Count > 4, $"Only {keys.Count} keys are there.");
        Assert.Equal(["tasktracker:cache:epoch"], endless);
    }

    private async Task<CleanupRun> DeleteAsync()
    {
        await using var db = _database.Open();
        return await new ExpiredData(db, Options.Create(_options), new TestClock(s_now)).DeleteAsync(CancellationToken.None);
    }

    private Task AddOperationAsync(string status, string? finished, string? expires = null, int chunks = 0) => _database.ExecuteAsync(
        $"""
        with operation as (
            insert into operations (id, owner_id, kind, status, progress, input, attempt, created_at, seen_at, finished_at, expires_at)
            values (gen_random_uuid(), {_database.OwnerId}, 'export', '{status}', 0, '{"{}"}', 1, now(), now(), {Ago(finished)}, {Ago(expires)})
            returning id
        )
        insert into export_chunks (operation_id, chunk_no, data) select id, n, 'x' from operation, generate_series(1, {chunks}) n
        """);

    private Task AddNotificationsAsync(string kind, string age, int count = 1) => _database.ExecuteAsync(
        $"""
        insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
        select {_database.OwnerId}, n, '{kind}', 'a', {Ago(age)}, interval '0', {Ago(age)} from generate_series(1, {count}) n
        """);

    private Task AddTokensAsync(string expired, int count = 1) => _database.ExecuteAsync(
        $"""
        insert into refresh_tokens (user_id, family_id, token_hash, created_at, expires_at)
        select {_database.OwnerId}, gen_random_uuid(), n::text::bytea, {Ago("14 days")}, {Ago(expired)} from generate_series(1, {count}) n
        """);

    private Task AddAnswersAsync(string age, int count = 1) => _database.ExecuteAsync(
        $"""
        insert into idempotent_answers (owner_id, key, request_hash, answer, created_at)
        select {_database.OwnerId}, n, 'x', '', {Ago(age)} from generate_series(1, {count}) n
        """);

    private static string Ago(string? age) => age is null ? "null" : $"timestamptz '{s_now:O}' - interval '{age}'";
}
