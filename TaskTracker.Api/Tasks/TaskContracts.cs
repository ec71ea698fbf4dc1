using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using TaskTracker.Api.Json;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>A task to create.</summary>
/// <param name="Title">What is to be done: 1 to 200 characters.</param>
/// <param name="Description">More about it: at most 10,000 characters.</param>
/// <param name="Deadline">When it should be done; reminders go out before.</param>
public sealed record CreateTaskRequest(
    [Text(TaskItem.TitleMaxLength, MinimumLength = 1)] string Title,
    [Text(TaskItem.DescriptionMaxLength)] string? Description = null,
    DateTimeOffset? Deadline = null);

/// <summary>What to change about a task. A field that is absent stays as it is; null clears it.</summary>
public sealed record UpdateTaskRequest : IValidatableObject
{
    private bool _hasTitle;
    private bool _hasDescription;
    private bool _hasCompleted;
    private bool _hasDeadline;

    /// <summary>What is to be done: 1 to 200 characters.</summary>
    [Text(TaskItem.TitleMaxLength)]
    public string? Title
    {
        get;
        init => (field, _hasTitle) = (value, true);
    }

    /// <summary>More about it: at most 10,000 characters.</summary>
    [Text(TaskItem.DescriptionMaxLength)]
    public string? Description
    {
        get;
        init => (field, _hasDescription) = (value, true);
    }

    /// <summary>Whether it is done.</summary>
    public bool? Completed
    {
        get;
        init => (field, _hasCompleted) = (value, true);
    }

    /// <summary>When it should be done; its reminders move with it.</summary>
    public DateTimeOffset? Deadline
    {
        get;
        init => (field, _hasDeadline) = (value, true);
    }

    /// <summary>Fields that are no task's to change.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement> Others { get; init; } = [];

    internal bool IsEmpty => !_hasTitle && !_hasDescription && !_hasCompleted && !_hasDeadline;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (_hasTitle && string.IsNullOrWhiteSpace(Title))
        {
            yield return new ValidationResult("Must not be null or blank: leave it out to keep it.", [nameof(Title)]);
        }

        if (_hasCompleted && Completed is null)
        {
            yield return new ValidationResult("Must be true or false: leave it out to keep it.", [nameof(Completed)]);
        }
    }

    internal void Apply(TaskItem task)
    {
        task.Title = _hasTitle ? Title! : task.Title;
        task.Description = _hasDescription ? Description ?? "" : task.Description;
        task.Completed = _hasCompleted ? Completed!.Value : task.Completed;
        task.Deadline = _hasDeadline ? Deadline : task.Deadline;
    }

    internal TaskChanges ToChanges() => new(Title, _hasDescription ? Description ?? "" : null, Completed, _hasDeadline, Deadline);
}

/// <summary>A task.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Title">What is to be done.</param>
/// <param name="Description">More about it; never null.</param>
/// <param name="Completed">Whether it is done.</param>
/// <param name="Deadline">When it should be done.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
/// <param name="OwnerId">The number of its user.</param>
public sealed record TaskResponse(
    long Id,
    string Title,
    string Description,
    bool Completed,
    DateTimeOffset? Deadline,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    int OwnerId)
{
    internal static TaskResponse From(TaskItem task) => new(
        task.Id, task.Title, task.Description, task.Completed, task.Deadline, task.CreatedAt, task.UpdatedAt, task.OwnerId);
}

/// <summary>What happened.</summary>
/// <param name="Message">A sentence.</param>
public sealed record MessageResponse(string Message);
