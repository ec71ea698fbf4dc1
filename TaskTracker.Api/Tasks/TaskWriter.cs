using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Json;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>Writes tasks: the row, its reminders and, where one is due soon, the wake-up of the jobs service commit together.</summary>
internal sealed class TaskWriter(TaskTrackerDbContext db, OwnerTransaction transaction, ReminderPlanner planner, TimeProvider clock)
{
    public Task<TaskItem> CreateAsync(int owner, CreateTaskRequest request, CancellationToken cancellationToken) =>
        transaction.RunAsync(
            [owner],
            async attempt =>
            {
                var now = clock.GetUtcNowToMicroseconds();
                var task = new TaskItem
                {
                    OwnerId = owner,
                    Title = request.Title,
                    Description = request.Description ?? "",
                    Deadline = request.Deadline,
                    CreatedAt = now,
                    UpdatedAt = now,
                };
                List<Reminder> reminders = [.. planner.Plan(task)];
                db.Tasks.Add(task);
                db.Reminders.AddRange(reminders);
                await db.SaveChangesAsync(attempt);
                await WakeAsync(reminders, now, attempt);

                return task;
            },
            cancellationToken);

    private async Task WakeAsync(List<Reminder> reminders, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (reminders.Count == 0)
        {
            return;
        }

        var due = reminders.Min(reminder => reminder.DueAt);
        if (due < now + WakeUp.RegularLook)
        {
            await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.Channel}, {UtcTime.Format(due)})", cancellationToken);
        }
    }
}

/// <summary>Registers what the routes of tasks need.</summary>
internal static class TaskServices
{
    public static void AddTasks(this IServiceCollection services) => services.AddScoped<TaskWriter>();
}
