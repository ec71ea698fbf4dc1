using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Health;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>The caller's tasks. Another user's task does not exist here.</summary>
internal static class TaskEndpoints
{
    public static RouteGroupBuilder MapTasks(this IEndpointRouteBuilder routes)
    {
        var tasks = routes.MapGroup("/tasks").WithTags("Tasks").RequireSchema()
            .ProducesProblem(StatusCodes.Status401Unauthorized);

        tasks.MapPost("/", CreateTask).WithName(nameof(CreateTask)).WithSummary("Create a task").ProducesValidationProblem();
        tasks.MapPost("/create_task", CreateTaskAsBefore).WithName(nameof(CreateTaskAsBefore))
            .WithSummary("Create a task, by the route of earlier versions").ProducesValidationProblem();
        tasks.MapGet("/", ListTasks).WithName(nameof(ListTasks)).WithSummary("List tasks, a page at a time")
            .ProducesValidationProblem().CacheOutput(CachePolicies.Lists);
        tasks.MapGet("/{id:long}", GetTask).WithName(nameof(GetTask)).WithSummary("Get a task").CacheOutput(CachePolicies.Items);

        return tasks;
    }

    private static async Task<Created<TaskResponse>> CreateTask(
        CreateTaskRequest request, ClaimsPrincipal caller, TaskWriter writer, CancellationToken cancellationToken)
    {
        var task = await writer.CreateAsync(caller.GetUserId(), request, cancellationToken);

        return TypedResults.Created($"/tasks/{task.Id}", TaskResponse.From(task));
    }

    private static async Task<Ok<TaskResponse>> CreateTaskAsBefore(
        CreateTaskRequest request, ClaimsPrincipal caller, TaskWriter writer, CancellationToken cancellationToken) =>
        TypedResults.Ok(TaskResponse.From(await writer.CreateAsync(caller.GetUserId(), request, cancellationToken)));

    private static async Task<Results<Ok<Page<TaskResponse>>, ValidationProblem>> ListTasks(
        [AsParameters] TaskQuery query, ClaimsPrincipal caller, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken)
    {
        if (!Cursor.TryParse(query.Cursor, out var after))
        {
            return TypedResults.ValidationProblem(Cursor.Problem);
        }

        var owner = caller.GetUserId();
        var tasks = db.Tasks.AsNoTracking().Where(task => task.OwnerId == owner && task.Id > after.Id);
        if (query.Completed is { } completed)
        {
            tasks = tasks.Where(task => task.Completed == completed);
        }

        var limit = query.Limit ?? Pages.DefaultLimit;
        var found = await tasks.OrderBy(task => task.Id).Take(limit + 1).ToListAsync(cancellationToken);

        return TypedResults.Ok(response.Page(found, limit, TaskResponse.From, last => new Cursor(last.Id)));
    }

    private static async Task<Results<Ok<TaskResponse>, NotFound>> GetTask(
        long id, ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        return await db.Tasks.AsNoTracking().SingleOrDefaultAsync(task => task.Id == id && task.OwnerId == owner, cancellationToken) is { } task
            ? TypedResults.Ok(TaskResponse.From(task))
            : TypedResults.NotFound();
    }
}

/// <summary>A task to create.</summary>
/// <param name="Title">What is to be done: 1 to 200 characters.</param>
/// <param name="Description">More about it: at most 10,000 characters.</param>
/// <param name="Deadline">When it should be done; reminders go out before.</param>
public sealed record CreateTaskRequest(
    [Text(TaskItem.TitleMaxLength, MinimumLength = 1)] string Title,
    [Text(TaskItem.DescriptionMaxLength)] string? Description = null,
    DateTimeOffset? Deadline = null);

/// <summary>Which tasks to list.</summary>
public sealed record TaskQuery
{
    /// <summary>Only done tasks, or only open ones.</summary>
    public bool? Completed { get; init; }

    /// <summary>The most tasks on a page: 1 to 200, 50 by default.</summary>
    [Range(1, Pages.MaxLimit, ErrorMessage = Pages.LimitProblem)]
    public int? Limit { get; init; }

    /// <summary>The <c>next_cursor</c> of the page before.</summary>
    [Text(Paging.Cursor.MaxLength)]
    public string? Cursor { get; init; }
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
