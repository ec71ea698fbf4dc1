using System.Security.Cryptography;
using System.Text.Json;
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
internal sealed class TaskWriter(TaskTrackerDbContext db, OwnerTransaction transaction, ReminderPlanner planner, TimeProvider clock)
{
    /// <summary>Creates a task; with a key that this owner has used before, only answers what was answered then.</summary>
    /// <returns>The task, or null where the key stands for another request.</returns>
    public Task<TaskResponse?> CreateAsync(int owner, CreateTaskRequest request, string? key, CancellationToken cancellationToken) =>
        transaction.RunAsync<TaskResponse?>(
            [owner],
            async attempt =>
            {
                var now = clock.GetUtcNowToMicroseconds();
                var hash = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request));
                if (key is not null && !await ClaimAsync(owner, key, hash, now, attempt))
                {
                    var earlier = await db.IdempotentAnswers.AsNoTracking().SingleAsync(answer => answer.OwnerId == owner && answer.Key == key, attempt);
                    return earlier.RequestHash.AsSpan().SequenceEqual(hash) ? JsonSerializer.Deserialize<TaskResponse>(earlier.Answer) : null;
                }

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

                var created = TaskResponse.From(task);
                if (key is not null)
                {
                    var answer = JsonSerializer.Serialize(created);
                    await db.IdempotentAnswers.Where(row => row.OwnerId == owner && row.Key == key)
                        .ExecuteUpdateAsync(set => set.SetProperty(row => row.Answer, answer), attempt);
                }

                return created;
            },
            cancellationToken);

    /// <summary>Changes what the request names. Reminders follow the deadline, and go when the task is done.</summary>
    public Task<(TaskChange Outcome, TaskItem? Task)> UpdateAsync(
        int owner, long id, UpdateTaskRequest request, IReadOnlyList<EntityTagHeaderValue>? ifMatch, CancellationToken cancellationToken) =>
        transaction.RunAsync<(TaskChange, TaskItem?)>(
            [owner],
            async attempt =>
            {
                if (await LockAsync(owner, id, attempt) is not { } task)
                {
                    return (TaskChange.NotFound, null);
                }

                if (!ifMatch.Allows(task))
                {
                    return (TaskChange.Changed, null);
                }

                var (deadline, completed) = (task.Deadline, task.Completed);
                request.Apply(task);
                if (!db.ChangeTracker.HasChanges())
                {
                    return (TaskChange.Done, task);
                }

                var now = clock.GetUtcNowToMicroseconds();
                task.UpdatedAt = now;
                await db.SaveChangesAsync(attempt);
                if (task.Deadline != deadline || task.Completed != completed)
                {
                    // A delivery may be taking some of these rows just now: whichever is left to delete is deleted.
                    await db.Reminders.Where(reminder => reminder.TaskId == id).ExecuteDeleteAsync(attempt);
                    List<Reminder> reminders = [.. planner.Plan(task)];
                    db.Reminders.AddRange(reminders);
                    await db.SaveChangesAsync(attempt);
                    await WakeAsync(reminders, now, attempt);
                }

                return (TaskChange.Done, task);
            },
            cancellationToken);

    /// <summary>Deletes a task; its reminders go with it.</summary>
    public Task<TaskChange> DeleteAsync(int owner, long id, IReadOnlyList<EntityTagHeaderValue>? ifMatch, CancellationToken cancellationToken) =>
        transaction.RunAsync(
            [owner],
            async attempt =>
            {
                if (await LockAsync(owner, id, attempt) is not { } task)
                {
                    return TaskChange.NotFound;
                }

                if (!ifMatch.Allows(task))
                {
                    return TaskChange.Changed;
                }

                db.Tasks.Remove(task);
                await db.SaveChangesAsync(attempt);

                return TaskChange.Done;
            },
            cancellationToken);

    // Between the read and the write nobody else may change the row, or one of two changes would be lost.
    private async Task<TaskItem?> LockAsync(int owner, long id, CancellationToken cancellationToken) =>
        (await db.Tasks.FromSql($"select *, xmin from tasks where id = {id} and owner_id = {owner} for update").ToListAsync(cancellationToken))
        .SingleOrDefault();

    // Of two equal requests at the same moment the second waits here for the first to commit.
    private async Task<bool> ClaimAsync(int owner, string key, byte[] hash, DateTimeOffset now, CancellationToken cancellationToken) =>
        await db.Database.ExecuteSqlAsync(
            $"""
            insert into idempotent_answers (owner_id, key, request_hash, answer, created_at)
            values ({owner}, {key}, {hash}, '', {now})
            on conflict (owner_id, key) do update
                set request_hash = excluded.request_hash, answer = excluded.answer, created_at = excluded.created_at
                where idempotent_answers.created_at <= {now - IdempotentAnswer.Life}
            """,
            cancellationToken) == 1;

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
