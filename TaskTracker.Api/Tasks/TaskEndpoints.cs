using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Tasks;

/// <summary>The caller's tasks. Another user's task does not exist here.</summary>
internal static class TaskEndpoints
{
    /// <summary>The most tasks that a plain array holds.</summary>
    public const int ArrayLimit = 10_000;

    public static RouteGroupBuilder MapTasks(this IEndpointRouteBuilder routes)
    {
        var tasks = routes.MapGroup("/tasks").WithTags("Tasks").RequireSchema();

        tasks.MapPost("/", CreateTask).WithName(nameof(CreateTask)).WithSummary("Create a task");
        tasks.MapPost("/create_task", CreateTaskAsBefore).WithName(nameof(CreateTaskAsBefore))
            .WithSummary("Create a task, by the route of earlier versions");
        tasks.MapGet("/", ListTasks).WithName(nameof(ListTasks)).WithSummary("List tasks, a page at a time")
            .Produces(StatusCodes.Status304NotModified).CacheOutput(CachePolicies.Lists);
        tasks.MapGet("/get_tasks", GetAllTasks).WithName(nameof(GetAllTasks))
            .WithSummary("All tasks as a plain array, by the route of earlier versions; above 10,000 use GET /tasks")
            .ProducesProblem(StatusCodes.Status400BadRequest).Produces(StatusCodes.Status304NotModified).CacheOutput(CachePolicies.Lists);
        tasks.MapGet("/{id:long}", GetTask).WithName(nameof(GetTask)).WithSummary("Get a task")
            .Produces(StatusCodes.Status304NotModified).CacheOutput(CachePolicies.Items);
        tasks.MapPut("/{id:long}", UpdateTask).WithName(nameof(UpdateTask))
            .WithSummary("Change a task: a field that is absent stays, null clears it")
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);
        tasks.MapDelete("/{id:long}", DeleteTask).WithName(nameof(DeleteTask)).WithSummary("Delete a task")
            .ProducesProblem(StatusCodes.Status412PreconditionFailed);

        return tasks;
    }

    private static async Task<Results<Created<TaskResponse>, ProblemHttpResult>> CreateTask(
        CreateTaskRequest request,
        [FromHeader(Name = Idempotency.Header), Text(IdempotentAnswer.KeyMaxLength)] string? idempotencyKey,
        ClaimsPrincipal caller,
        TaskWriter writer,
        CancellationToken cancellationToken) =>
        await writer.CreateAsync(caller.GetUserId(), request, idempotencyKey, cancellationToken) is { } task
            ? TypedResults.Created($"/tasks/{task.Id}", task)
            : Idempotency.KeyOfAnotherRequest();

    private static async Task<Results<Ok<TaskResponse>, ProblemHttpResult>> CreateTaskAsBefore(
        CreateTaskRequest request,
        [FromHeader(Name = Idempotency.Header), Text(IdempotentAnswer.KeyMaxLength)] string? idempotencyKey,
        ClaimsPrincipal caller,
        TaskWriter writer,
        CancellationToken cancellationToken) =>
        await writer.CreateAsync(caller.GetUserId(), request, idempotencyKey, cancellationToken) is { } task
            ? TypedResults.Ok(task)
            : Idempotency.KeyOfAnotherRequest();

    private static async Task<Results<Ok<Page<TaskResponse>>, StatusCodeHttpResult, ValidationProblem>> ListTasks(
        [AsParameters] TaskQuery query,
        ClaimsPrincipal caller,
        TaskTrackerDbContext db,
        TimeProvider clock,
        HttpResponse response,
        CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        var order = TaskOrder.Find(query.Sort)!;
        var tasks = query.Filter(db.Tasks.AsNoTracking().Where(task => task.OwnerId == owner), clock.GetUtcNow());
        if (!Cursor.TryParse(query.Cursor, order.Name, out var cursor) || order.Sort(tasks, cursor) is not { } sorted)
        {
            return TypedResults.ValidationProblem(Cursor.Problem);
        }

        var limit = query.Limit ?? Pages.DefaultLimit;
        var found = await sorted.Take(limit + 1).ToListAsync(cancellationToken);
        var page = response.Page(found, limit, TaskResponse.From, order.CursorOf);

        return EntityTags.Of(found).IsKnownTo(response) ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : TypedResults.Ok(page);
    }

    private static async Task<Results<Ok<List<TaskResponse>>, StatusCodeHttpResult, ProblemHttpResult>> GetAllTasks(
        ClaimsPrincipal caller, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        var found = await db.Tasks.AsNoTracking().Where(task => task.OwnerId == owner)
            .OrderBy(task => task.Id).Take(ArrayLimit + 1).ToListAsync(cancellationToken);
        if (found.Count > ArrayLimit)
        {
            return TypedResults.Problem(
                $"There are more than {ArrayLimit} tasks: read them page by page from GET /tasks.", statusCode: StatusCodes.Status400BadRequest);
        }

        return EntityTags.Of(found).IsKnownTo(response)
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(found.ConvertAll(TaskResponse.From));
    }

    private static async Task<Results<Ok<TaskResponse>, StatusCodeHttpResult, NotFound>> GetTask(
        long id, ClaimsPrincipal caller, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        if (await db.Tasks.AsNoTracking().SingleOrDefaultAsync(task => task.Id == id && task.OwnerId == owner, cancellationToken) is not { } task)
        {
            return TypedResults.NotFound();
        }

        return EntityTags.Of(task).IsKnownTo(response)
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(TaskResponse.From(task));
    }

    private static async Task<Results<Ok<TaskResponse>, NotFound, ProblemHttpResult>> UpdateTask(
        long id, UpdateTaskRequest request, ClaimsPrincipal caller, TaskWriter writer, HttpContext context, CancellationToken cancellationToken)
    {
        var (outcome, task) = await writer.UpdateAsync(caller.GetUserId(), id, request, context.Request.IfMatch(), cancellationToken);
        if (task is not null)
        {
            context.Response.Headers.ETag = EntityTags.Of(task).ToString();
            return TypedResults.Ok(TaskResponse.From(task));
        }

        return outcome == TaskChange.NotFound ? TypedResults.NotFound() : EntityTags.Changed();
    }

    private static async Task<Results<Ok<MessageResponse>, NotFound, ProblemHttpResult>> DeleteTask(
        long id, ClaimsPrincipal caller, TaskWriter writer, HttpRequest request, CancellationToken cancellationToken) =>
        await writer.DeleteAsync(caller.GetUserId(), id, request.IfMatch(), cancellationToken) switch
        {
            TaskChange.Done => TypedResults.Ok(new MessageResponse("Task deleted successfully")),
            TaskChange.NotFound => TypedResults.NotFound(),
            _ => EntityTags.Changed(),
        };
}
