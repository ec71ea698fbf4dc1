using System.Diagnostics;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Data.Reminders;

/// <summary>Decides which reminders a task has.</summary>
/// <param name="options">The lead times.</param>
/// <param name="clock">The clock that says which moments are past.</param>
public sealed class ReminderPlanner(IOptions<ReminderOptions> options, TimeProvider clock)
{
    private readonly IReadOnlyList<TimeSpan> _leadTimes = options.Value.ParseLeadTimes();

    /// <summary>
    /// The reminders of <paramref name="task"/> that lie ahead: none when it is done or has no deadline, and none whose
    /// moment is past unless <see cref="ReminderOptions.Late"/> says otherwise.
    /// </summary>
    /// <param name="task">The task, saved or about to be.</param>
    /// <returns>Reminders to be added in the task's own transaction.</returns>
    public IEnumerable<Reminder> Plan(TaskItem task)
    {
        if (task.Completed || task.Deadline is not { } deadline)
        {
            yield break;
        }

        var now = clock.GetUtcNow();
        foreach (var leadTime in _leadTimes)
        {
            var dueAt = deadline - DateTimeOffset.MinValue > leadTime ? deadline - leadTime : DateTimeOffset.MinValue;
            if (dueAt <= now)
            {
                if (options.Value.Late == LateReminder.Skip || deadline <= now)
                {
                    continue;
                }

                dueAt = now;
            }

            yield return new Reminder
            {
                Task = task,
                TaskId = task.Id,
                LeadTime = leadTime,
                DueAt = dueAt,
                TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null,
            };
        }
    }
}
