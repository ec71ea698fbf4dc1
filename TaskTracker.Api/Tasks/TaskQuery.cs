using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>Which tasks to list, and in what order.</summary>
public sealed record TaskQuery : IValidatableObject
{
    /// <summary>Only done tasks, or only open ones.</summary>
    public bool? Completed { get; init; }

    /// <summary>Only open tasks whose deadline has passed, or only the others.</summary>
    public bool? Overdue { get; init; }

    /// <summary>Only tasks due before this time.</summary>
    [FromQuery(Name = "due_before")]
    public UtcTimeParameter? DueBefore { get; init; }

    /// <summary>Only tasks due at this time or after it.</summary>
    [FromQuery(Name = "due_after")]
    public UtcTimeParameter? DueAfter { get; init; }

    /// <summary>Words that title and description hold together, in any order; <c>"a phrase"</c>, <c>or</c> and <c>-without</c> are understood. A <c>*</c> at the end says that the last word is only the beginning of one.</summary>
    [Text(QMaxLength)]
    public string? Q { get; init; }

    /// <summary><c>created_at</c> (by default), <c>updated_at</c>, <c>deadline</c> or <c>title</c>, with a <c>-</c> before it for the reverse. No deadline is later than every deadline.</summary>
    [Text(20)]
    public string? Sort { get; init; }

    /// <summary>The most tasks on a page: 1 to 200, 50 by default.</summary>
    [Range(1, Pages.MaxLimit, ErrorMessage = Pages.LimitProblem)]
    public int? Limit { get; init; }

    /// <summary>The <c>next_cursor</c> of the page before.</summary>
    [Text(Paging.Cursor.MaxLength)]
    public string? Cursor { get; init; }

    /// <summary>The longest search, in characters.</summary>
    internal const int QMaxLength = 200;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        TaskOrder.Find(Sort) is null ? [new ValidationResult(TaskOrder.Problem, [nameof(Sort)])] : [];

    internal IQueryable<TaskItem> Filter(IQueryable<TaskItem> tasks, DateTimeOffset now)
    {
        if (Completed is { } completed)
        {
            tasks = completed ? tasks.Where(task => task.Completed) : tasks.Where(task => !task.Completed);
        }

        if (Overdue is { } overdue)
        {
            tasks = overdue
                ? tasks.Where(task => !task.Completed && task.Deadline <= now)
                : tasks.Where(task => task.Completed || task.Deadline == null || task.Deadline > now);
        }

        if (DueBefore is { Time: var before })
        {
            tasks = tasks.Where(task => task.Deadline < before);
        }

        if (DueAfter is { Time: var after })
        {
            tasks = tasks.Where(task => task.Deadline >= after);
        }

        // The expression of the index, to the letter.
#pragma warning disable CA1304, CA1311 // This lower() is SQL's: its culture is the collation.
        return string.IsNullOrWhiteSpace(Q)
            ? tasks
            : tasks.Where(task => EF.Functions.ToTsVector("simple", (task.Title + " " + EF.Functions.Collate(task.Description, TaskItem.SearchCollation)).ToLower())
                .Matches(TaskSearch.Read(Q)));
#pragma warning restore CA1304, CA1311
    }
}
