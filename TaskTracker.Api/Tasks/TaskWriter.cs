using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Reminders;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>Writes tasks: the row, its reminders and, where one is due soon, the wake-up of the jobs service commit together.</summary>
internal sealed class TaskWriter(
    TaskTrackerDbContext db, OwnerTransaction transaction, Idempotency idempotency, ReminderPlanner planner, ReminderWriter reminders, TaskMetrics metrics, TimeProvider clock)
{
    /// <summary>Creates a task, once where the request has a key.</summary>
    /// <returns>The task, or null where the key stands for another request.</returns>
    public async Task<TaskResponse?> CreateAsync(int owner, CreateTaskRequest request, string? key, CancellationToken cancellationToken)
    {
        var isNew = false;
        var task = await transaction.RunAsync(
            [owner],
            async attempt =>
            {
                isNew = false;
                var created = await idempotency.OnceAsync(
                    owner,
                    key,
                    request,
                    () =>
                    {
                        isNew = true;
                        return InsertAsync(owner, request, attempt);
                    },
                    attempt);
                if (created is null)
                {
                    await transaction.LeaveUnmarkedAsync(owner, attempt);
                }

                return created;
            },
            cancellationToken);
        if (isNew)
        {
            metrics.RecordCreated();
        }

        return task;
    }

    /// <summary>Changes what the request names. Reminders follow the deadline, and go when the task is done.</summary>
    public async Task<(TaskChange Outcome, TaskItem? Task)> UpdateAsync(
        int owner, long id, UpdateTaskRequest request, IReadOnlyList<EntityTagHeaderValue>? ifMatch, CancellationToken cancellationToken)
    {
        var isNowDone = false;
        var change = await transaction.RunAsync<(TaskChange, TaskItem?)>(
            [owner],
            async attempt =>
            {
                isNowDone = false;
                var (outcome, task) = await LockAsync(owner, id, ifMatch, attempt);
                if (task is null)
                {
                    return (outcome, null);
                }

                var (deadline, completed) = (task.Deadline, task.Completed);
                request.Apply(task);
                isNowDone = task.Completed && !completed;
                if (!db.ChangeTracker.HasChanges())
                {
                    await transaction.LeaveUnmarkedAsync(owner, attempt);
                    return (TaskChange.Done, task);
                }

                task.UpdatedAt = clock.GetUtcNowToMicroseconds();
                await db.SaveChangesAsync(attempt);
                if (task.Deadline != deadline || task.Completed != completed)
                {
                    await reminders.ReplaceAsync([task], attempt);
                }

                return (TaskChange.Done, task);
            },
            cancellationToken);
        if (isNowDone)
        {
            metrics.RecordCompleted(1);
        }

        return change;
    }

    /// <summary>Deletes a task; its reminders go with it.</summary>
    public Task<TaskChange> DeleteAsync(int owner, long id, IReadOnlyList<EntityTagHeaderValue>? ifMatch, CancellationToken cancellationToken) =>
        transaction.RunAsync(
            [owner],
            async attempt =>
            {
                var (outcome, task) = await LockAsync(owner, id, ifMatch, attempt);
                if (task is not null)
                {
                    db.Tasks.Remove(task);
                    await db.SaveChangesAsync(attempt);
                }

                return outcome;
            },
            cancellationToken);

    private async Task<TaskResponse> InsertAsync(int owner, CreateTaskRequest request, CancellationToken cancellationToken)
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
        List<Reminder> planned = [.. planner.Plan(task)];
        db.Tasks.Add(task);
        db.Reminders.AddRange(planned);
        await db.SaveChangesAsync(cancellationToken);
        await reminders.WakeAsync([.. planned.Select(reminder => reminder.DueAt)], cancellationToken);

        return TaskResponse.From(task);
    }

    // Between the read and the write nobody else may change the row, or one of two changes would be lost.
    private async Task<(TaskChange Outcome, TaskItem? Task)> LockAsync(
        int owner, long id, IReadOnlyList<EntityTagHeaderValue>? ifMatch, CancellationToken cancellationToken)
    {
        var found = await db.Tasks.FromSql($"select id, owner_id, title, description, completed, completed_at, deadline, created_at, updated_at, xmin from tasks where id = {id} and owner_id = {owner} for update").ToListAsync(cancellationToken);
        if (found is [var task] && ifMatch.Allows(task))
        {
            return (TaskChange.Done, task);
        }

        await transaction.LeaveUnmarkedAsync(owner, cancellationToken);

        return (found.Count == 0 ? TaskChange.NotFound : TaskChange.Changed, null);
    }
}

/// <summary>What became of a change to a task.</summary>
internal enum TaskChange
{
    /// <summary>It is made.</summary>
    Done,

    /// <summary>There is no such task, or it is another user's.</summary>
    NotFound,

    /// <summary>The task is no longer as the client has seen it.</summary>
    Changed,
}

/// <summary>Registers what the routes of tasks need.</summary>
internal static class TaskServices
{
    public static void AddTasks(this IServiceCollection services) => services.AddScoped<TaskWriter>();
}
