using Microsoft.EntityFrameworkCore;
using TaskTracker.Data.Statistics;
using TaskTracker.Jobs.Statistics;

namespace TaskTracker.Tests.Jobs;

public sealed class StatisticsRefreshTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 29, 12, 0, 0, TimeSpan.Zero);

    private readonly TestClock _clock = new(s_now);
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Owners_whose_tasks_have_changed_are_counted_and_then_nobody()
    {
        await AddOwnersAsync(3);

        Assert.Equal(3, await RefreshAsync());
        Assert.Equal(0, await RefreshAsync());

        Assert.Equal([(2, 1, 1), (2, 1, 1), (2, 1, 1)], await CountsAsync());
        Assert.Equal(0, await _database.QueryAsync<long>("select count(*) from statistics_marks"));
    }

    [Fact]
    public async Task An_owner_whose_next_deadline_has_passed_is_counted_although_nobody_wrote()
    {
        _clock.Now = s_now.AddHours(-1);
        await AddOwnersAsync(1);
        await RefreshAsync();
        Assert.Equal([(2, 1, 0)], await CountsAsync());

        _clock.Now = s_now;

        Assert.Equal(1, await RefreshAsync());
        Assert.Equal([(2, 1, 1)], await CountsAsync());
        Assert.Equal(0, await RefreshAsync());
    }

    [Fact]
    public async Task Two_refreshes_at_once_of_more_owners_than_a_batch_holds_are_right()
    {
        var owners = StatisticsRefresh.BatchSize + 50;
        await AddOwnersAsync(owners);

        await Task.WhenAll(Task.Run(RefreshAsync), Task.Run(RefreshAsync));

        Assert.Equal(Enumerable.Repeat((2, 1, 1), owners), await CountsAsync());
        Assert.Equal(0, await RefreshAsync());
    }

    [Fact]
    public async Task A_look_that_finds_nothing_reads_no_table_of_20000_owners()
    {
        await AddOwnersAsync(20_000);
        await _database.ExecuteAsync(
            $"""
            delete from statistics_marks;
            insert into task_statistics (owner_id, total_tasks, completed_tasks, overdue_tasks, next_deadline, updated_at)
            select id, 2, 1, 0, timestamptz '2090-01-01 00:00Z', now() from users where id > {_database.OwnerId};
            analyze task_statistics, statistics_marks;
            """);
        var plans = new CommandPlans();

        await using (var db = _database.Open("", plans))
        {
            Assert.Equal(0, await new StatisticsRefresh(new StatisticsCounter(db, _clock)).RunAsync(CancellationToken.None));
        }

        Assert.Contains("task_statistics_next_deadline", await plans.ExplainAsync(_database.ConnectionString), StringComparison.Ordinal);
    }

    // Each has a task that is done and one that falls overdue now.
    private Task AddOwnersAsync(int count) => _database.ExecuteAsync(
        $"""
        with owners as (
            insert into users (user_name, normalized_user_name, email, normalized_email, lockout_enabled, access_failed_count, is_active, role, created_at)
            select n, n, n, n, false, 0, true, 'user', now() from generate_series(1, {count}) n
            returning id
        ), added as (
            insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
            select id, 'a', '', completed, timestamptz '2026-03-29 12:00Z', now(), now() from owners, unnest(array[true, false]) completed
        )
        insert into statistics_marks (owner_id) select id from owners
        """);

    private async Task<List<(int Total, int Completed, int Overdue)>> CountsAsync()
    {
        await using var db = _database.Open();
        var statistics = await db.TaskStatistics.AsNoTracking().ToListAsync();
        return [.. statistics.Select(row => (row.TotalTasks, row.CompletedTasks, row.OverdueTasks))];
    }

    private async Task<int> RefreshAsync()
    {
        await using var db = _database.Open();
        return await new StatisticsRefresh(new StatisticsCounter(db, _clock)).RunAsync(CancellationToken.None);
    }
}
