using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Health;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Api.Operations;

/// <summary>The work that the caller has asked for. Another user's does not exist here.</summary>
internal static class OperationEndpoints
{
    public static void MapOperations(this IEndpointRouteBuilder routes)
    {
        var operations = routes.MapGroup("").WithTags("Operations").RequireSchema();

        operations.MapGet("/operations/{id:guid}", GetOperation).WithName(nameof(GetOperation)).WithSummary("How far an operation is");
        operations.MapGet("/tasks/export-status/{id:guid}", GetOperation).WithName("GetExportStatus").WithSummary("How far an export is");
        operations.MapDelete("/operations/{id:guid}", CancelOperation).WithName(nameof(CancelOperation)).WithSummary("Cancel an operation")
            .ProducesProblem(StatusCodes.Status409Conflict);
    }

    /// <summary>Where an operation is looked up.</summary>
    public static string UrlOf(Guid id) => $"/operations/{id}";

    private static async Task<Results<Ok<OperationResponse>, NotFound>> GetOperation(
        Guid id, ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        return await db.Operations.AsNoTracking().SingleOrDefaultAsync(operation => operation.Id == id && operation.OwnerId == owner, cancellationToken)
            is { } found
            ? TypedResults.Ok(OperationResponse.From(found))
            : TypedResults.NotFound();
    }

    private static async Task<Results<Ok<OperationResponse>, Accepted<OperationResponse>, NotFound, ProblemHttpResult>> CancelOperation(
        Guid id, ClaimsPrincipal caller, Cancellation cancellation, CancellationToken cancellationToken)
    {
        var operation = await cancellation.CancelAsync(caller.GetUserId(), id, cancellationToken);

        return operation?.Status switch
        {
            null => TypedResults.NotFound(),
            OperationStatus.Cancelled => TypedResults.Ok(OperationResponse.From(operation)),
            OperationStatus.Running => TypedResults.Accepted(UrlOf(id), OperationResponse.From(operation)),
            _ => TypedResults.Problem("The operation has ended already.", statusCode: StatusCodes.Status409Conflict),
        };
    }
}

/// <summary>How far an operation is.</summary>
/// <param name="Status"><c>pending</c> until it ends, then <c>completed</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Progress">How much is done, in percent.</param>
/// <param name="Result">
/// What came of it once it is completed: <c>{export_key,task_count,format,download_url}</c> of an export,
/// <c>{updated,not_found}</c> of a bulk update.
/// </param>
/// <param name="Error">Why it failed.</param>
public sealed record OperationResponse(string Status, int Progress, object? Result, string? Error)
{
    internal static OperationResponse From(Operation operation) => new(
        OperationJson.NameOf(operation.Status == OperationStatus.Running ? OperationStatus.Pending : operation.Status),
        operation.Progress,
        operation switch
        {
            { Status: not OperationStatus.Completed } => null,
            { Kind: OperationKind.Export } => operation.ReadResult<ExportResult>(),
            _ => operation.ReadResult<BulkUpdateResult>(),
        },
        operation.Error);
}
