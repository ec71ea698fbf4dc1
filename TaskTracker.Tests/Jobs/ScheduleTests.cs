using Microsoft.Extensions.DependencyInjection;
using Quartz;
using Quartz.Extensibility;
using TaskTracker.Data;
using TaskTracker.Jobs.Statistics;

namespace TaskTracker.Tests.Jobs;

/// <summary>What the jobs service declares, as the scheduler has stored it.</summary>
public sealed class ScheduleTests : IAsyncLifetime
{
    private static readonly TriggerKey s_hourly = new("overdue-hourly", JobKeys.TriggerGroupOf(JobKeys.CheckOverdueTasks));
    private static readonly TriggerKey s_daily = new("cleanup-daily", JobKeys.TriggerGroupOf(JobKeys.DailyCleanup));
    private static readonly TriggerKey s_reminders = new("reminder-look", JobKeys.TriggerGroupOf(JobKeys.SendTaskReminder));

    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Every_schedule_is_stored_with_its_next_time()
    {
        var before = DateTimeOffset.UtcNow;
        await using var host = NewHost("Europe/Berlin");
        var scheduler = await SchedulerOfAsync(host);
        var after = DateTimeOffset.UtcNow;

        var hourly = Assert.IsAssignableFrom<ICronTrigger>(await scheduler.GetTrigger(s_hourly));
        Assert.Equal(("0 0 * * * ?", JobKeys.CheckOverdueTasks), (hourly.CronExpressionString, hourly.JobKey));
        Assert.Contains(hourly.NextFireTimeUtc, new DateTimeOffset?[] { NextHour(before), NextHour(after) });

        var daily = Assert.IsAssignableFrom<ICronTrigger>(await scheduler.GetTrigger(s_daily));
        Assert.Equal(("0 0 2 * * ?", "Europe/Berlin", JobKeys.DailyCleanup), (daily.CronExpressionString, daily.TimeZone.Id, daily.JobKey));
        Assert.Contains(daily.NextFireTimeUtc, new[] { daily.GetFireTimeAfter(before), daily.GetFireTimeAfter(after) });

        var reminders = Assert.IsAssignableFrom<ISimpleTrigger>(await scheduler.GetTrigger(s_reminders));
        Assert.Equal((TimeSpan.FromMinutes(1), JobKeys.SendTaskReminder), (reminders.RepeatInterval, reminders.JobKey));
    }

    [Fact]
    public async Task Every_job_survives_its_node_and_no_scheduled_one_overlaps_itself()
    {
        await using var host = NewHost();
        var scheduler = await SchedulerOfAsync(host);

        var jobs = (await scheduler.QueryJobs(new JobQuery())).Items;
        Assert.Equal(7, jobs.Count);
        foreach (var job in jobs)
        {
            var detail = await scheduler.GetJobDetail(job.Key);
            Assert.True(detail!.RequestsRecovery && detail.Durable, $"{job.Key}");
        }

        foreach (var key in new[] { JobKeys.ProcessTaskStatistics, JobKeys.CheckOverdueTasks, JobKeys.DailyCleanup })
        {
            Assert.True((await scheduler.GetJobDetail(key))!.ConcurrentExecutionDisallowed, $"{key}");
        }
    }

    [Theory]
    // In Berlin the clocks leave out the hour from 02:00 on the first of these days, and have it twice on the second; in
    // New York that is so too, on other days.
    [InlineData("Europe/Berlin", "2026-03-28T01:00Z", "2026-03-29T01:00Z", "2026-03-30T00:00Z")]
    [InlineData("Europe/Berlin", "2026-10-24T00:00Z", "2026-10-25T00:00Z", "2026-10-26T01:00Z")]
    [InlineData("America/New_York", "2026-03-07T07:00Z", "2026-03-08T07:00Z", "2026-03-09T06:00Z")]
    [InlineData("UTC", "2026-03-28T02:00Z", "2026-03-29T02:00Z", "2026-03-30T02:00Z")]
    public async Task The_cleanup_runs_once_on_every_day_of_its_time_zone(string zone, string before, string day, string after)
    {
        await using var host = NewHost(zone);
        DateTimeOffset[] expected = [DateTimeOffset.Parse(before, null), DateTimeOffset.Parse(day, null), DateTimeOffset.Parse(after, null)];
        var stored = await (await SchedulerOfAsync(host)).GetTrigger(s_daily);
        var daily = stored!.GetTriggerBuilder().StartAt(expected[0].AddDays(-1)).Build();

        var times = new List<DateTimeOffset>();
        var time = expected[0].AddMilliseconds(-1);
        while (times.Count < expected.Length)
        {
            time = daily.GetFireTimeAfter(time)!.Value;
            times.Add(time);
        }

        Assert.Equal(expected, times);
    }

    [Fact]
    public async Task What_an_operator_has_paused_stays_paused_while_a_changed_schedule_is_applied()
    {
        await using (var first = NewHost())
        {
            var scheduler = await SchedulerOfAsync(first);
            await scheduler.PauseTriggerGroupsWith(TriggersOf(JobKeys.DailyCleanup), new PauseDetails { Reason = "under review", RequestedBy = "grace" });
            await scheduler.PauseTriggerGroupsWith(TriggersOf(JobKeys.CheckOverdueTasks), new PauseDetails { Reason = "too loud", RequestedBy = "grace" });
            await scheduler.PauseTriggerGroups(TriggersOf(JobKeys.SendTaskReminder));
        }

        await using var one = NewHost("Asia/Tokyo");
        await using var two = NewHost("Asia/Tokyo");
        await JobsHost.StartAsync(one, two);
        var restarted = await SchedulerOfAsync(two);

        foreach (var trigger in new[] { s_daily, s_hourly, s_reminders })
        {
            Assert.Equal(TriggerState.Paused, await restarted.GetTriggerState(trigger));
        }

        Assert.Equal(("under review", "grace"), await PauseOfAsync(restarted, s_daily));
        Assert.Equal(("too loud", "grace"), await PauseOfAsync(restarted, s_hourly));
        Assert.Equal("Asia/Tokyo", ((ICronTrigger)(await restarted.GetTrigger(s_daily))!).TimeZone.Id);

        // What is not paused runs.
        await MarkAsync();
        await Eventually.TrueAsync("the owner is counted", async () => await MarksAsync() == 0);
    }

    [Fact]
    public async Task Statistics_that_an_operator_has_paused_wait_and_are_counted_once_resumed()
    {
        await using var host = NewHost();
        var scheduler = await SchedulerOfAsync(host);
        await scheduler.PauseTriggerGroups(TriggersOf(JobKeys.ProcessTaskStatistics));
        await MarkAsync();

        await Eventually.TrueAsync("a run is asked for", async () => await scheduler.GetTriggerState(StatisticsWatch.Key) == TriggerState.Paused);
        Assert.Equal(1, await MarksAsync());
        Assert.Equal(0, await RunsAsync(JobKeys.ProcessTaskStatistics));

        await scheduler.ResumeTriggerGroups(TriggersOf(JobKeys.ProcessTaskStatistics));
        await Eventually.TrueAsync("the owner is counted", async () => await MarksAsync() == 0);
        await Eventually.TrueAsync("once", async () => await RunsAsync(JobKeys.ProcessTaskStatistics) == 1);
    }

    [Fact]
    public async Task A_schedule_of_an_older_version_goes_with_the_next_start()
    {
        var retired = new TriggerKey("statistics-look", JobKeys.TriggerGroupOf(JobKeys.ProcessTaskStatistics));
        await using (var first = NewHost())
        {
            var scheduler = await SchedulerOfAsync(first);
            await scheduler.ScheduleJob(TriggerBuilder.Create()
                .WithIdentity(retired).ForJob(JobKeys.ProcessTaskStatistics).WithSimpleSchedule(TimeSpan.FromHours(5), null).Build());
            Assert.NotNull(await scheduler.GetTrigger(retired));
        }

        await using var second = NewHost();
        Assert.Null(await (await SchedulerOfAsync(second)).GetTrigger(retired));
    }

    [Fact]
    public async Task A_schedule_that_has_not_changed_is_left_as_it_is_by_a_start()
    {
        await using (var first = NewHost())
        {
            await SchedulerOfAsync(first);
        }

        var stored = await StoredAsync();
        await using (var second = NewHost())
        {
            await SchedulerOfAsync(second);
        }

        Assert.Equal(stored, await StoredAsync());

        // Each start builds its triggers anew, with other start times.
        Task<string> StoredAsync() => _database.QueryAsync<string>(
            $"select string_agg(start_time::text, ' ' order by trigger_name) from qrtz_triggers where trigger_name in ('{s_hourly.Name}', '{s_daily.Name}', '{s_reminders.Name}')");
    }

    [Fact]
    public async Task A_schedule_that_a_node_has_put_out_of_service_is_back_after_a_start()
    {
        await using (var first = NewHost())
        {
            await SchedulerOfAsync(first);
        }

        await _database.ExecuteAsync($"update qrtz_triggers set trigger_state = 'ERROR' where trigger_name = '{s_daily.Name}'");

        await using var second = NewHost();
        Assert.Equal(TriggerState.Normal, await (await SchedulerOfAsync(second)).GetTriggerState(s_daily));
    }

    [Fact]
    public async Task Reminders_that_an_operator_has_paused_wait_however_often_they_are_announced()
    {
        await using (var first = NewHost())
        {
            await (await SchedulerOfAsync(first)).PauseTriggerGroups(TriggersOf(JobKeys.SendTaskReminder));
        }

        await using var second = NewHost();
        var scheduler = await SchedulerOfAsync(second);
        await _database.AddTaskAsync(DateTimeOffset.UtcNow.AddSeconds(-1), notify: true);

        // Longer than the look for overdue reminders takes, which would have asked for a run.
        for (var i = 0; i < 2; i++)
        {
            await MarkAsync();
            await Eventually.TrueAsync("another job has run", async () => await MarksAsync() == 0);
        }

        Assert.Empty(await _database.NotificationsAsync());

        await scheduler.ResumeTriggerGroups(TriggersOf(JobKeys.SendTaskReminder));
        await Eventually.TrueAsync("the reminder is delivered", async () => (await _database.NotificationsAsync()).Count == 1);
    }

    [Fact]
    public async Task A_service_that_was_down_over_its_schedules_catches_up_once()
    {
        await using (var first = NewHost())
        {
            await SchedulerOfAsync(first);
        }

        // As if the last runs were hours and days ago.
        var lastHourly = NextHour(DateTimeOffset.UtcNow).AddHours(-6);
        await SetLastFiringAsync(s_hourly, lastHourly, lastHourly.AddHours(1));
        var lastDaily = new DateTimeOffset(DateTime.UtcNow.Date, TimeSpan.Zero).AddDays(-4).AddHours(2);
        await SetLastFiringAsync(s_daily, lastDaily, lastDaily.AddDays(1));

        var start = DateTimeOffset.UtcNow;
        await using var one = NewHost();
        await using var two = NewHost();
        await JobsHost.StartAsync(one, two);
        var scheduler = await SchedulerOfAsync(two);
        foreach (var (trigger, job) in new[] { (s_hourly, JobKeys.CheckOverdueTasks), (s_daily, JobKeys.DailyCleanup) })
        {
            await Eventually.TrueAsync($"{job} has caught up", async () =>
                (await scheduler.GetTrigger(trigger))!.NextFireTimeUtc > DateTimeOffset.UtcNow && await RunsAsync(job) >= 1);
        }

        // The hour may have struck meanwhile.
        var hours = (int)(NextHour(DateTimeOffset.UtcNow) - NextHour(start)).TotalHours;
        Assert.InRange(await RunsAsync(JobKeys.CheckOverdueTasks), 1, 1 + hours);
        Assert.InRange(await RunsAsync(JobKeys.DailyCleanup), 1, 1 + hours);
    }

    [Fact]
    public async Task A_job_that_always_throws_ends_as_failed_with_its_error_and_blocks_nobody()
    {
        var poisoned = new JobKey("poisoned", JobKeys.Group);
        await using var host = new JobsHost(_database.ConnectionString)
        {
            Extend = services => services.AddQuartz(quartz => quartz.AddJob<PoisonedJob>(job => job.WithIdentity(poisoned).StoreDurably().RequestRecovery())),
        };
        var scheduler = await SchedulerOfAsync(host);
        var history = host.Services.GetRequiredService<IExecutionHistoryStore>();

        await scheduler.TriggerJob(poisoned);
        await MarkAsync();

        await Eventually.TrueAsync("the last attempt has failed", async () => (await FailuresAsync()).Any(run => !run.RetryScheduled));
        var runs = await FailuresAsync();
        Assert.Equal([0, 1, 2], runs.Select(run => run.RetryAttempt).Order());
        Assert.All(runs, run => Assert.Contains("poisoned on purpose", run.ExceptionMessage, StringComparison.Ordinal));
        await Eventually.TrueAsync("the others go on", async () => await MarksAsync() == 0);

        // It can be asked for again.
        await scheduler.TriggerJob(poisoned);
        await Eventually.TrueAsync("it has failed again", async () => (await FailuresAsync()).Count == 6);

        async Task<IReadOnlyList<ExecutionHistoryEntry>> FailuresAsync()
        {
            var page = await history.QueryExecutions(new ExecutionHistoryQuery { SchedulerName = scheduler.SchedulerName, Job = poisoned });
            return [.. page.Items.Where(run => run.EffectiveResult == JobRunResult.Failed)];
        }
    }

    private JobsHost NewHost(string zone = "UTC") =>
        new(_database.ConnectionString) { Settings = new Dictionary<string, string> { ["Cleanup:TimeZone"] = zone } };

    private static GroupMatcher<TriggerKey> TriggersOf(JobKey job) => GroupMatcher<TriggerKey>.GroupEquals(JobKeys.TriggerGroupOf(job));

    private static async Task<IScheduler> SchedulerOfAsync(JobsHost host) =>
        await host.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();

    private static async Task<(string?, string?)> PauseOfAsync(IScheduler scheduler, TriggerKey trigger)
    {
        var pause = await scheduler.GetTriggerPause(trigger);
        return (pause?.Reason, pause?.RequestedBy);
    }

    private static DateTimeOffset NextHour(DateTimeOffset time) => new DateTimeOffset(time.Year, time.Month, time.Day, time.Hour, 0, 0, TimeSpan.Zero).AddHours(1);

    private Task SetLastFiringAsync(TriggerKey trigger, DateTimeOffset last, DateTimeOffset next) => _database.ExecuteAsync(
        $"""
        update qrtz_triggers set prev_fire_time = {last.UtcTicks}, next_fire_time = {next.UtcTicks}, start_time = {last.UtcTicks}
        where trigger_name = '{trigger.Name}'
        """);

    private Task<long> RunsAsync(JobKey job) =>
        _database.QueryAsync<long>($"select count(*) from qrtz_execution_history where job_name = '{job.Name}'");

    private Task MarkAsync() => _database.ExecuteAsync($"insert into statistics_marks (owner_id) values ({_database.OwnerId})");

    private Task<long> MarksAsync() => _database.QueryAsync<long>("select count(*) from statistics_marks");

    [RetryPolicy(2, "00:00:00.100", 1)]
    private sealed class PoisonedJob : IJob
    {
        public ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default) =>
            throw new InvalidOperationException("poisoned on purpose");
    }
}
