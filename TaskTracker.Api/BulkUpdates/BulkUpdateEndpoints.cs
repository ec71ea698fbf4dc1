using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Api.Operations;
using TaskTracker.Api.Tasks;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.BulkUpdates;

/// <summary>The same change to many of the caller's tasks, made by a job.</summary>
internal static class BulkUpdateEndpoints
{
    public static void MapBulkUpdates(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/tasks/bulk-update", StartBulkUpdate).WithName(nameof(StartBulkUpdate)).WithSummary("Change many tasks")
            .WithTags("Bulk updates").RequireSchema().RequireJobs();

    private static async Task<Results<Accepted<BulkUpdateStarted>, ProblemHttpResult>> StartBulkUpdate(
        BulkUpdateRequest request,
        [FromHeader(Name = Idempotency.Header), Text(IdempotentAnswer.KeyMaxLength)] string? idempotencyKey,
        ClaimsPrincipal caller,
        OwnerTransaction transaction,
        Idempotency idempotency,
        IJobQueue jobs,
        CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        var input = new BulkUpdateInput([.. request.TaskIds.Distinct()], request.UpdateData.ToChanges());
        var started = await transaction.RunAsync(
            [], attempt => idempotency.OnceAsync(owner, idempotencyKey, input, () => EnqueueAsync(attempt), attempt), cancellationToken);

        return started is null ? Idempotency.KeyOfAnotherRequest() : TypedResults.Accepted(OperationEndpoints.UrlOf(started.TaskId), started);

        async Task<BulkUpdateStarted> EnqueueAsync(CancellationToken attempt)
        {
            var update = await jobs.EnqueueAsync(owner, input, attempt);
            return new("The bulk update has been started.", update.Id, input.TaskIds.Count);
        }
    }
}

/// <summary>Which tasks to change, and how.</summary>
/// <param name="TaskIds">The tasks, at most 10,000. One that the caller does not have is told in the result.</param>
/// <param name="UpdateData">What to change of each.</param>
public sealed record BulkUpdateRequest(
    [Required(ErrorMessage = BulkUpdateRequest.IdsProblem), Length(1, BulkUpdateInput.MaxTasks, ErrorMessage = BulkUpdateRequest.IdsProblem)]
    IReadOnlyList<long> TaskIds,
    [Required(ErrorMessage = BulkUpdateRequest.DataProblem)] UpdateTaskRequest UpdateData) : IValidatableObject
{
    internal const string IdsProblem = "Must be given, with 1 to 10000 numbers of tasks.";
    internal const string DataProblem = "Must be given, with what to set: title, description, completed or deadline.";

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var other in UpdateData?.Others.Keys.AsEnumerable() ?? [])
        {
            yield return new ValidationResult("Cannot be set: title, description, completed and deadline can.", [$"{nameof(UpdateData)}.{other}"]);
        }

        if (UpdateData is { IsEmpty: true, Others.Count: 0 })
        {
            yield return new ValidationResult("Must be given, unless description, completed or deadline is.", [$"{nameof(UpdateData)}.{nameof(UpdateData.Title)}"]);
        }
    }
}

/// <summary>A bulk update that has been asked for.</summary>
/// <param name="Message">What happens now.</param>
/// <param name="TaskId">The operation's id.</param>
/// <param name="TaskCount">How many tasks it is about, each counted once.</param>
public sealed record BulkUpdateStarted(string Message, Guid TaskId, int TaskCount);
