using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data.Notifications;
using TaskTracker.Data.Tasks;
using TaskTracker.Jobs.Overdue;

namespace TaskTracker.Tests.Jobs;

public sealed class OverdueCheckTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 29, 12, 0, 0, TimeSpan.Zero);

    private readonly TestClock _clock = new(s_now);
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_task_whose_deadline_has_passed_is_told_to_its_owner()
    {
        var task = await AddTaskAsync(s_now);

        Assert.Equal(new OverdueRun(1, 1), await CheckAsync());

        var notification = Assert.Single(await _database.NotificationsAsync());
        Assert.Equal(
            (_database.OwnerId, task, NotificationKind.Overdue, "a", s_now, TimeSpan.Zero, s_now, null),
            (notification.OwnerId, notification.TaskId, notification.Kind, notification.Title, notification.Deadline, notification.LeadTime, notification.CreatedAt, notification.ReadAt));
    }

    [Fact]
    public async Task A_task_that_is_not_overdue_yet_or_done_or_without_deadline_is_not_told()
    {
        await AddTaskAsync(s_now.AddMicroseconds(1));
        await AddTaskAsync(s_now.AddDays(-1), completed: true);
        await AddTaskAsync(null);

        Assert.Equal(new OverdueRun(0, 0), await CheckAsync());
        Assert.Empty(await _database.NotificationsAsync());
    }

    [Fact]
    public async Task A_deadline_is_told_once_and_another_one_of_the_same_task_again()
    {
        await AddTaskAsync(s_now);
        await CheckAsync();

        _clock.Now = s_now.AddHours(1);
        Assert.Equal(new OverdueRun(1, 0), await CheckAsync());

        await _database.ExecuteAsync("update tasks set deadline = deadline + interval '90 minutes'");
        Assert.Equal(new OverdueRun(0, 0), await CheckAsync());

        _clock.Now = s_now.AddHours(2);
        Assert.Equal(new OverdueRun(1, 1), await CheckAsync());
        Assert.Equal([s_now, s_now.AddMinutes(90)], (await _database.NotificationsAsync()).Select(notification => notification.Deadline));
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public async Task A_task_that_is_being_done_is_left_to_the_next_run(bool commits, int told)
    {
        await AddTaskAsync(s_now);
        await using var db = _database.Open();
        await using var doing = await db.Database.BeginTransactionAsync();
        await db.Tasks.ExecuteUpdateAsync(set => set.SetProperty(task => task.Completed, true));

        Assert.Equal(new OverdueRun(1, 0), await CheckAsync());

        await (commits ? doing.CommitAsync() : doing.RollbackAsync());
        Assert.Equal(told, (await CheckAsync()).Told);
    }

    [Fact]
    public async Task Two_checks_at_once_tell_each_of_5000_tasks_once()
    {
        // Many of one deadline: a batch must end in the midst of them.
        await _database.ExecuteAsync(Tasks("5000", "timestamptz '2026-03-29 11:00Z' - (n % 3) * interval '1 minute'"));

        var runs = await Task.WhenAll(Task.Run(CheckAsync), Task.Run(CheckAsync));

        Assert.All(runs, run => Assert.Equal(5_000, run.Overdue));
        Assert.Equal(5_000, runs.Sum(run => run.Told));
        Assert.Equal(5_000, (await _database.NotificationsAsync()).Select(notification => notification.TaskId).Distinct().Count());
    }

    [Fact]
    public async Task Streams_are_told_of_the_notification()
    {
        await AddTaskAsync(s_now);
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var connection = new NpgsqlConnection(_database.ConnectionString);
        await connection.OpenAsync();
        connection.Notification += (_, notification) => told.TrySetResult(notification.Payload);
        await using var listen = new NpgsqlCommand($"listen {NewNotifications.Channel}", connection);
        await listen.ExecuteNonQueryAsync();

        await CheckAsync();
        Assert.True(await connection.WaitAsync(TimeSpan.FromSeconds(30)));

        Assert.Equal((await _database.NotificationsAsync()).Select(notification => notification.Id), NewNotifications.Parse(await told.Task));
    }

    [Fact]
    public async Task Among_100000_tasks_indexes_find_what_is_overdue_and_what_was_told()
    {
        await _database.ExecuteAsync(
            $"""
            {Tasks("100000", "timestamptz '2026-03-28 12:00Z' + n * interval '1 minute'")};
            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
            select owner_id, id, kind, title, deadline, interval '0', deadline from tasks, unnest(array['reminder', 'overdue']) kind
            where (kind = 'overdue' and deadline < '2026-03-29 11:00Z') or (kind = 'reminder' and id % 5 = 0);
            analyze tasks, notifications;
            """);
        var plans = new CommandPlans();

        await using (var db = _database.Open("", plans))
        {
            // Every minute one falls due: those of a day are overdue, those of the last hour new.
            Assert.Equal(new OverdueRun(1_440, 61), await new OverdueCheck(db, _clock).RunAsync(CancellationToken.None));
        }

        var plan = await plans.ExplainAsync(_database.ConnectionString);
        Assert.Contains("using tasks_open_deadline", plan, StringComparison.Ordinal);
        Assert.Contains("using notifications_once", plan, StringComparison.Ordinal);
        // There are no settings here, and so nothing to have an index for.
        Assert.DoesNotContain("Seq Scan", plan.Replace("Seq Scan on notification_settings", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private string Tasks(string count, string deadline) =>
        $"""
        insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
        select {_database.OwnerId}, 'task ' || n, '', false, {deadline}, now(), now() from generate_series(1, {count}) n
        """;

    private async Task<long> AddTaskAsync(DateTimeOffset? deadline, bool completed = false)
    {
        await using var db = _database.Open();
        var task = new TaskItem { OwnerId = _database.OwnerId, Title = "a", Deadline = deadline, Completed = completed };
        db.Tasks.Add(task);
        await db.SaveChangesAsync();

        return task.Id;
    }

    private async Task<OverdueRun> CheckAsync()
    {
        await using var db = _database.Open();
        return await new OverdueCheck(db, _clock).RunAsync(CancellationToken.None);
    }
}
