using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data;
using TaskTracker.Data.Notifications;
using TaskTracker.Data.Reminders;
using TaskTracker.Jobs.Reminders;

namespace TaskTracker.Tests.Jobs;

public sealed class ReminderDeliveryTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_now = new(2026, 3, 29, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<ReminderTelemetry>().BuildServiceProvider();
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public async Task DisposeAsync() => await _services.DisposeAsync();

    [Fact]
    public async Task A_due_reminder_becomes_a_notification_of_the_tasks_owner()
    {
        var task = await _database.AddTaskAsync(dueAt: s_now, leadTime: s_day);

        var run = await DeliverAsync();

        var notification = Assert.Single(await _database.NotificationsAsync());
        Assert.Equal((1, 1), (run.Claimed, run.Sent));
        Assert.Equal(
            (task, _database.OwnerId, NotificationKind.Reminder, "task 1", s_now + s_day, s_day, s_now, null),
            (notification.TaskId, notification.OwnerId, notification.Kind, notification.Title, notification.Deadline, notification.LeadTime, notification.CreatedAt, notification.ReadAt));
        Assert.Equal(0, await _database.PendingAsync());
    }

    [Fact]
    public async Task A_reminder_that_is_not_due_stays_and_is_the_next()
    {
        var dueAt = s_now.AddMicroseconds(1);
        await _database.AddTaskAsync(dueAt);

        await using var db = _database.Open();
        var delivery = NewDelivery(db);
        var run = await delivery.DeliverDueAsync(CancellationToken.None);

        Assert.Equal(0, run.Claimed);
        Assert.Equal(dueAt, await delivery.FindNextDueAsync(run.LookedAt, CancellationToken.None));
        Assert.Equal(1, await _database.PendingAsync());
    }

    [Fact]
    public async Task What_falls_due_after_the_next_regular_look_is_left_to_it()
    {
        await _database.AddTaskAsync(s_now + WakeUp.RegularLook + TimeSpan.FromSeconds(1));

        await using var db = _database.Open();
        Assert.Null(await NewDelivery(db).FindNextDueAsync(s_now, CancellationToken.None));
    }

    [Fact]
    public async Task Two_deliveries_at_once_send_each_of_5000_reminders_once()
    {
        var tasks = await _database.AddTasksAsync(5_000, dueAt: s_now);

        var runs = await Task.WhenAll(Task.Run(DeliverAsync), Task.Run(DeliverAsync));

        var notified = (await _database.NotificationsAsync()).Select(notification => notification.TaskId);
        Assert.Equal(tasks.Order(), notified.Order());
        Assert.Equal(tasks.Count, runs.Sum(run => run.Sent));
        Assert.Equal(0, await _database.PendingAsync());
    }

    [Theory]
    [InlineData("update tasks set completed = true")]
    [InlineData("update tasks set deadline = null")]
    [InlineData("update tasks set deadline = deadline + interval '1 second'")]
    [InlineData("update tasks set deadline = deadline - interval '25 hours'")]
    [InlineData("delete from tasks")]
    public async Task A_task_that_is_done_moved_or_gone_makes_no_notification(string change)
    {
        await _database.AddTaskAsync(dueAt: s_now, leadTime: s_day);
        await using var db = _database.Open();
        await db.Database.ExecuteSqlRawAsync(change);

        var run = await DeliverAsync();

        Assert.Equal(0, run.Sent);
        Assert.Empty(await _database.NotificationsAsync());
        Assert.Equal(0, await _database.PendingAsync());
    }

    [Fact]
    public async Task A_reminder_planned_after_its_moment_is_sent()
    {
        await _database.AddTaskAsync(dueAt: s_now, leadTime: TimeSpan.FromHours(2));
        await using var db = _database.Open();
        await db.Database.ExecuteSqlRawAsync("update tasks set deadline = deadline - interval '1 hour'");

        Assert.Equal(1, (await DeliverAsync()).Sent);
    }

    [Fact]
    public async Task A_reminder_that_was_sent_is_not_sent_again()
    {
        var task = await _database.AddTaskAsync(dueAt: s_now, leadTime: s_day);
        await DeliverAsync();
        await using var db = _database.Open();
        db.Reminders.Add(new Reminder { TaskId = task, LeadTime = s_day, DueAt = s_now });
        await db.SaveChangesAsync();

        var run = await DeliverAsync();

        Assert.Equal((1, 0), (run.Claimed, run.Sent));
        Assert.Single(await _database.NotificationsAsync());
    }

    [Fact]
    public async Task A_reminder_that_is_being_moved_is_left_alone()
    {
        await _database.AddTaskAsync(dueAt: s_now);
        await using var db = _database.Open();
        await using var move = await db.Database.BeginTransactionAsync();
        await db.Reminders.ExecuteUpdateAsync(set => set.SetProperty(reminder => reminder.DueAt, s_now + s_day));

        Assert.Equal(0, (await DeliverAsync()).Claimed);
        await move.CommitAsync();
        Assert.Equal(0, (await DeliverAsync()).Claimed);
        Assert.Equal(1, await _database.PendingAsync());
    }

    [Fact]
    public async Task The_day_that_has_23_hours_in_the_sessions_time_zone_changes_nothing()
    {
        await _database.AddTaskAsync(dueAt: s_now - s_day, leadTime: s_day);

        await using var db = _database.Open("Timezone=Europe/Berlin");
        var run = await NewDelivery(db).DeliverDueAsync(CancellationToken.None);

        Assert.Equal(1, run.Sent);
    }

    [Fact]
    public async Task Only_what_no_run_holds_counts_as_overdue()
    {
        await _database.AddTaskAsync(dueAt: s_now.AddSeconds(-1));
        await using var db = _database.Open();
        var delivery = NewDelivery(db);

        Assert.False(await delivery.IsAnyOverdueAsync(TimeSpan.FromSeconds(2), CancellationToken.None));
        Assert.True(await delivery.IsAnyOverdueAsync(TimeSpan.FromSeconds(0.5), CancellationToken.None));

        await using var other = _database.Open();
        await using var run = await other.Database.BeginTransactionAsync();
        await other.Reminders.ExecuteDeleteAsync();
        Assert.False(await delivery.IsAnyOverdueAsync(TimeSpan.FromSeconds(0.5), CancellationToken.None));
    }

    [Fact]
    public async Task A_delivery_is_a_span_that_links_to_the_request_and_is_counted()
    {
        var spans = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TaskTrackerSource.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        var meters = _services.GetRequiredService<IMeterFactory>();
        var measured = new ConcurrentDictionary<string, double>();
        using var meterListener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == meters)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        meterListener.SetMeasurementEventCallback<long>((instrument, value, _, _) => measured[instrument.Name] = value);
        meterListener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured[instrument.Name] = value);
        meterListener.Start();

        const string Request = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        using var run = new Activity("send_task_reminder").Start();
        var task = await _database.AddTaskAsync(dueAt: s_now.AddSeconds(-3), traceParent: Request);
        await DeliverAsync();

        // Other tests deliver at the same time, under traces of their own.
        var span = Assert.Single(spans, span => span.TraceId == run.TraceId);
        Assert.Equal("deliver reminder", span.OperationName);
        Assert.Equal(run.SpanId, span.ParentSpanId);
        Assert.Equal(task, span.GetTagItem("tasktracker.task.id"));
        Assert.Equal(3.0, span.GetTagItem("tasktracker.reminder.lateness"));
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", Assert.Single(span.Links).Context.TraceId.ToHexString());
        Assert.Equal(1, measured["tasktracker.reminders.sent"]);
        Assert.Equal(3, measured["tasktracker.reminders.lateness"]);
    }

    private async Task<ReminderRun> DeliverAsync()
    {
        await using var db = _database.Open();
        return await NewDelivery(db).DeliverDueAsync(CancellationToken.None);
    }

    private ReminderDelivery NewDelivery(TaskTrackerDbContext db) =>
        new(db, _services.GetRequiredService<ReminderTelemetry>(), new TestClock(s_now));
}
