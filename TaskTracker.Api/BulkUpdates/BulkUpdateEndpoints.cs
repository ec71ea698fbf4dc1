using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Health;
using TaskTracker.Api.Json;
using TaskTracker.Api.Operations;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.BulkUpdates;

/// <summary>The same change to many of the caller's tasks, made by a job.</summary>
internal static class BulkUpdateEndpoints
{
    public static void MapBulkUpdates(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/tasks/bulk-update", StartBulkUpdate).WithName(nameof(StartBulkUpdate)).WithSummary("Change many tasks")
            .WithTags("Bulk updates").RequireSchema().RequireJobs()
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesValidationProblem();

    private static async Task<Results<Accepted<BulkUpdateStarted>, ValidationProblem>> StartBulkUpdate(
        BulkUpdateRequest request, ClaimsPrincipal caller, OwnerTransaction transaction, IJobQueue jobs, CancellationToken cancellationToken)
    {
        if (request.UpdateData.FindProblems() is { Count: > 0 } problems)
        {
            return TypedResults.ValidationProblem(problems.ToDictionary(problem => $"update_data.{problem.Key}", problem => (string[])[problem.Value]));
        }

        var input = new BulkUpdateInput([.. request.TaskIds.Distinct()], request.UpdateData.ToChanges());
        var update = await transaction.RunAsync(
            [], attempt => jobs.EnqueueAsync(caller.GetUserId(), input, attempt), cancellationToken);

        return TypedResults.Accepted(
            OperationEndpoints.UrlOf(update), new BulkUpdateStarted("The bulk update has been started.", update.Id, input.TaskIds.Count));
    }
}

/// <summary>Which tasks to change, and how.</summary>
/// <param name="TaskIds">The tasks, at most 10,000. One that the caller does not have is told in the result.</param>
/// <param name="UpdateData">What to change of each.</param>
public sealed record BulkUpdateRequest(
    [Required(ErrorMessage = BulkUpdateRequest.IdsProblem), Length(1, BulkUpdateInput.MaxTasks, ErrorMessage = BulkUpdateRequest.IdsProblem)]
    IReadOnlyList<long> TaskIds,
    [Required(ErrorMessage = BulkUpdateRequest.DataProblem)] BulkUpdateData UpdateData)
{
    internal const string IdsProblem = "Must be given, with 1 to 10000 numbers of tasks.";
    internal const string DataProblem = "Must be given, with what to set: title, description, completed or deadline.";
}

/// <summary>What to change: a field that is absent stays as it is, a description or a deadline that is null is cleared.</summary>
public sealed class BulkUpdateData
{
    private readonly HashSet<string> _set = [];

    /// <summary>The new title: 1 to 200 characters.</summary>
    public string? Title { get; init => field = Set(value, "title"); }

    /// <summary>The new description: at most 10,000 characters.</summary>
    public string? Description { get; init => field = Set(value, "description"); }

    /// <summary>Whether the tasks are done.</summary>
    public bool? Completed { get; init => field = Set(value, "completed"); }

    /// <summary>The new deadline; reminders follow it.</summary>
    public DateTimeOffset? Deadline { get; init => field = Set(value, "deadline"); }

    /// <summary>Fields that cannot be set.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement> Others { get; init; } = [];

    internal Dictionary<string, string> FindProblems()
    {
        var problems = Others.Keys.ToDictionary(name => name, _ => "Cannot be set: title, description, completed and deadline can.");
        if (_set.Count == 0 && problems.Count == 0)
        {
            problems["title"] = "Must be given, unless description, completed or deadline is.";
        }

        Check("title", Title, new TextAttribute(TaskItem.TitleMaxLength) { MinimumLength = 1 });
        Check("description", Description, new TextAttribute(TaskItem.DescriptionMaxLength));
        if (_set.Contains("completed") && Completed is null)
        {
            problems["completed"] = "Must be true or false.";
        }

        return problems;

        void Check(string name, string? value, TextAttribute rule)
        {
            if (_set.Contains(name) && rule.GetValidationResult(value, new ValidationContext(this)) is { ErrorMessage: { } problem })
            {
                problems[name] = problem;
            }
        }
    }

    internal TaskChanges ToChanges() => new(
        Title,
        _set.Contains("description") ? Description ?? "" : null,
        Completed,
        _set.Contains("deadline"),
        Deadline);

    private T Set<T>(T value, string name)
    {
        _set.Add(name);
        return value;
    }
}

/// <summary>A bulk update that has been asked for.</summary>
/// <param name="Message">What happens now.</param>
/// <param name="TaskId">The operation's id.</param>
/// <param name="TaskCount">How many tasks it is about, each counted once.</param>
public sealed record BulkUpdateStarted(string Message, Guid TaskId, int TaskCount);
