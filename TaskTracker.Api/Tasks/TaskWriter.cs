using System.Runtime.CompilerServices;
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
        Reminder[] planned = [.. planner.Plan(task)];
        var insertion = Insertion(task, planned);

        var isNew = true;
        var answer = string.IsNullOrWhiteSpace(key)
            ? await transaction.RunAsync([owner], insertion, FinishAsync, cancellationToken)
            : await transaction.RunAsync([owner], InsertOnceAsync, cancellationToken);
        if (isNew)
        {
            metrics.RecordCreated();
        }

        return answer;

        async Task<TaskResponse?> InsertOnceAsync(CancellationToken attempt)
        {
            isNew = false;
            var once = await idempotency.OnceAsync(
                owner,
                key,
                request,
                async () =>
                {
                    isNew = true;
                    return await FinishAsync(await InsertAsync(insertion, attempt), attempt);
                },
                attempt);
            if (once is null)
            {
                await transaction.LeaveUnmarkedAsync(owner, attempt);
            }

            return once;
        }

        async Task<TaskResponse> FinishAsync(long id, CancellationToken attempt)
        {
            task.Id = id;
            await reminders.WakeAsync([.. planned.Select(reminder => reminder.DueAt)], attempt);

            return TaskResponse.From(task);
        }
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

    // One statement, which can open its transaction.
    private static FormattableString Insertion(TaskItem task, Reminder[] planned)
    {
        TimeSpan[] leadTimes = [.. planned.Select(reminder => reminder.LeadTime)];
        DateTimeOffset[] dueAt = [.. planned.Select(reminder => reminder.DueAt)];
        var cause = planned.FirstOrDefault()?.TraceParent;
        return $"""
            first as (
                insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
                values ({task.OwnerId}, {task.Title}, {task.Description}, false, {task.Deadline}, {task.CreatedAt}, {task.UpdatedAt})
                returning id as "Value"
            ),
            reminded as (
                insert into reminders (task_id, lead_time, due_at, trace_parent)
                select first."Value", lead_time, due_at, {cause}::text from first, unnest({leadTimes}, {dueAt}) as planned (lead_time, due_at)
            )
            """;
    }

    private async Task<long> InsertAsync(FormattableString insertion, CancellationToken cancellationToken) =>
        (await db.Database
            .SqlQuery<long>(FormattableStringFactory.Create($"""with {insertion.Format} select "Value" from first""", insertion.GetArguments()))
            .ToListAsync(cancellationToken)).Single();

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
