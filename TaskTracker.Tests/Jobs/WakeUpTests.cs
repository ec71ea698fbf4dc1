using Microsoft.Extensions.DependencyInjection;
using Quartz;
using TaskTracker.Jobs.Reminders;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Tests.Jobs;

/// <summary>
/// Two replicas over one database. Each test leaves one way for a reminder to be noticed; the regular look, a minute away,
/// is never it.
/// </summary>
public sealed class WakeUpTests : IAsyncLifetime
{
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_reminder_goes_out_once_when_it_is_due()
    {
        await using var one = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await using var two = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await JobsHost.StartAsync(one, two);

        var dueAt = Now().AddSeconds(2);
        await _database.AddTaskAsync(dueAt, notify: true);
        await DeliveredAsync(1);

        Assert.True((await _database.NotificationsAsync()).Single().CreatedAt >= dueAt);
    }

    [Fact]
    public async Task A_reminder_goes_out_although_its_transaction_commits_late()
    {
        await using var one = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await JobsHost.StartAsync(one);

        await _database.AddTaskAsync(Now().AddSeconds(-3), notify: true);

        await DeliveredAsync(1);
    }

    [Fact]
    public async Task A_run_wakes_itself_for_the_next_reminder()
    {
        await using var one = new JobsHost(_database.ConnectionString, typeof(ReminderWatch), typeof(WakeUpListener));
        await JobsHost.StartAsync(one);
        var wake = one.Services.GetRequiredService<ReminderWake>();

        foreach (var second in Enumerable.Range(1, 3))
        {
            await _database.AddTaskAsync(Now().AddSeconds(second));
        }

        await wake.WakeAtAsync(Now(), CancellationToken.None);

        await DeliveredAsync(3);
    }

    [Fact]
    public async Task A_burst_of_wake_ups_makes_few_runs()
    {
        await using var one = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await using var two = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await JobsHost.StartAsync(one, two);

        // Late enough for all of them to commit before.
        var dueAt = Now().AddSeconds(15);
        await Task.WhenAll(Enumerable.Range(1, 200).Select(number =>
            _database.AddTaskAsync(dueAt.AddMicroseconds(-number), notify: true)));
        await DeliveredAsync(200);

        var runs = await _database.QueryAsync<long>("select count(*) from qrtz_execution_history where job_name = 'send_task_reminder'");
        Assert.InRange(runs, 1, 40);
    }

    [Fact]
    public async Task The_listener_comes_back_when_its_connection_breaks()
    {
        await using var one = new JobsHost(_database.ConnectionString, without: typeof(ReminderWatch));
        await JobsHost.StartAsync(one);
        await Eventually.TrueAsync("the replica listens", async () => await ListenersAsync() == 1);

        await _database.QueryAsync<bool>(
            "select bool_and(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and query like 'listen %'");
        // No NOTIFY: the look after the reconnect must find it.
        await _database.AddTaskAsync(Now().AddSeconds(-1));
        await DeliveredAsync(1);

        await Eventually.TrueAsync("the replica listens again", async () => await ListenersAsync() == 1);
        await _database.AddTaskAsync(Now().AddSeconds(-1), notify: true);
        await DeliveredAsync(2);
    }

    [Fact]
    public async Task A_lost_wake_up_is_made_good()
    {
        await using var one = new JobsHost(_database.ConnectionString, without: typeof(WakeUpListener));
        await using var two = new JobsHost(_database.ConnectionString, without: typeof(WakeUpListener));
        await JobsHost.StartAsync(one, two);

        await _database.AddTaskAsync(Now().AddSeconds(-1));

        await DeliveredAsync(1);
    }

    [Fact]
    public async Task The_earliest_wake_up_is_kept()
    {
        await using var one = new JobsHost(_database.ConnectionString, typeof(ReminderWatch), typeof(WakeUpListener));
        await JobsHost.StartAsync(one);
        var wake = one.Services.GetRequiredService<ReminderWake>();
        var scheduler = await one.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        var (early, late) = (Now().AddMinutes(30), Now().AddMinutes(60));

        await wake.WakeAtAsync(late, CancellationToken.None);
        await wake.WakeAtAsync(early, CancellationToken.None);
        await wake.WakeAtAsync(late, CancellationToken.None);

        var stored = await scheduler.GetTrigger(ReminderWake.Key);
        Assert.Equal(early, stored!.NextFireTimeUtc);
    }

    // Quartz and PostgreSQL keep whole microseconds.
    private static DateTimeOffset Now()
    {
        var now = DateTimeOffset.UtcNow;
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private async Task DeliveredAsync(int count)
    {
        await Eventually.TrueAsync($"{count} reminders delivered", async () => (await _database.NotificationsAsync()).Count >= count);
        Assert.Equal(count, (await _database.NotificationsAsync()).Count);
        Assert.Equal(0, await _database.PendingAsync());
    }

    private Task<long> ListenersAsync() => _database.QueryAsync<long>(
        "select count(*) from pg_stat_activity where datname = current_database() and query like 'listen %' and state = 'idle'");
}
