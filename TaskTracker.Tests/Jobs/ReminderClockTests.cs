using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;
using TaskTracker.Jobs.Reminders;

namespace TaskTracker.Tests.Jobs;

/// <summary>Reminders from the task's creation to their delivery, under a clock that the tests set.</summary>
public sealed class ReminderClockTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_start = new(2026, 3, 28, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_deadline = s_start.AddHours(10);
    private static readonly TimeSpan s_leadTime = TimeSpan.FromHours(1);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<ReminderTelemetry>().BuildServiceProvider();
    private readonly TestClock _clock = new(s_start);
    private readonly ReminderOptions _options = new() { LeadTimes = s_leadTime.ToString() };
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public async Task DisposeAsync() => await _services.DisposeAsync();

    [Fact]
    public async Task A_deadline_that_is_moved_earlier_is_reminded_of_earlier_and_not_again()
    {
        await CreateAsync(s_deadline);
        await ChangeAsync(task => task.Deadline = s_deadline.AddHours(-4));

        Assert.Equal(0, await DeliverAsync(s_deadline.AddHours(-5).AddMicroseconds(-1)));
        Assert.Equal(1, await DeliverAsync(s_deadline.AddHours(-5)));
        Assert.Equal(0, await DeliverAsync(s_deadline - s_leadTime));
    }

    [Fact]
    public async Task A_deadline_that_is_moved_later_is_reminded_of_later_and_not_before()
    {
        await CreateAsync(s_deadline);
        await ChangeAsync(task => task.Deadline = s_deadline.AddHours(4));

        Assert.Equal(0, await DeliverAsync(s_deadline - s_leadTime));
        Assert.Equal(1, await DeliverAsync(s_deadline.AddHours(3)));
    }

    [Fact]
    public async Task A_deadline_that_is_moved_after_its_reminder_went_out_is_reminded_of_again()
    {
        await CreateAsync(s_deadline);
        Assert.Equal(1, await DeliverAsync(s_deadline - s_leadTime));
        await ChangeAsync(task => task.Deadline = s_deadline.AddHours(4));

        Assert.Equal(1, await DeliverAsync(s_deadline.AddHours(3)));
    }

    [Fact]
    public async Task A_deadline_that_is_removed_is_not_reminded_of()
    {
        await CreateAsync(s_deadline);
        await ChangeAsync(task => task.Deadline = null);

        Assert.Equal(0, await DeliverAsync(s_deadline));
        Assert.Equal(0, await _database.PendingAsync());
    }

    [Fact]
    public async Task A_task_that_is_done_a_second_before_is_not_reminded_of()
    {
        await CreateAsync(s_deadline);
        _clock.Now = s_deadline - s_leadTime - TimeSpan.FromSeconds(1);
        await ChangeAsync(task => task.Completed = true);

        Assert.Equal(0, await DeliverAsync(s_deadline - s_leadTime));
    }

    [Theory]
    [InlineData(LateReminder.Skip, 30, 0)]
    [InlineData(LateReminder.Now, 30, 1)]
    [InlineData(LateReminder.Now, 0, 0)]
    [InlineData(LateReminder.Skip, 61, 0)]
    public async Task A_reminder_past_at_the_tasks_creation_goes_out_at_once_only_where_that_is_wanted(LateReminder late, int minutesLeft, int sent)
    {
        _options.Late = late;
        await CreateAsync(s_start.AddMinutes(minutesLeft));

        Assert.Equal(sent, await DeliverAsync(s_start));
        Assert.Equal(minutesLeft > 60 ? 1 : 0, await DeliverAsync(s_start.AddMinutes(1)));
    }

    private async Task CreateAsync(DateTimeOffset deadline)
    {
        await using var db = _database.Open();
        var task = new TaskItem { OwnerId = _database.OwnerId, Title = "a", Deadline = deadline };
        db.Tasks.Add(task);
        db.Reminders.AddRange(NewPlanner().Plan(task));
        await db.SaveChangesAsync();
    }

    private async Task ChangeAsync(Action<TaskItem> change)
    {
        await using var db = _database.Open();
        await using var transaction = await db.Database.BeginTransactionAsync();
        var task = await db.Tasks.SingleAsync();
        change(task);
        await db.SaveChangesAsync();
        await new ReminderWriter(db, NewPlanner(), _clock).ReplaceAsync([task], CancellationToken.None);
        await transaction.CommitAsync();
    }

    private async Task<int> DeliverAsync(DateTimeOffset at)
    {
        _clock.Now = at;
        await using var db = _database.Open();
        var run = await new ReminderDelivery(db, _services.GetRequiredService<ReminderTelemetry>(), _clock).DeliverDueAsync(CancellationToken.None);
        return run.Sent;
    }

    private ReminderPlanner NewPlanner() => new(Options.Create(_options), _clock);
}
