using System.Globalization;
using System.Security.Claims;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Api.Operations;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Exports;

/// <summary>All of the caller's tasks as a file: asked for here, written by a job, downloaded here.</summary>
internal static class ExportEndpoints
{
    public static void MapExports(this IEndpointRouteBuilder routes)
    {
        var exports = routes.MapGroup("").WithTags("Exports").RequireSchema();

        exports.MapPost("/tasks/export", StartExport).WithName(nameof(StartExport)).WithSummary("Export all tasks")
            .WithDescription("As json (one array), ndjson (one object a line) or csv (RFC 4180; text that a spreadsheet would take for a formula gets an apostrophe before it).")
            .RequireJobs();
        exports.MapMethods("/exports/{exportKey:guid}", [HttpMethods.Head], Download).ExcludeFromDescription();
        exports.MapGet("/exports/{exportKey:guid}", Download).WithName(nameof(Download)).WithSummary("Download an exported file")
            .Produces<Stream>(StatusCodes.Status200OK, "application/json", "application/x-ndjson", "text/csv")
            .Produces<Stream>(StatusCodes.Status206PartialContent, "application/json", "application/x-ndjson", "text/csv")
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblem(StatusCodes.Status410Gone)
            .ProducesProblem(StatusCodes.Status412PreconditionFailed)
            .ProducesProblem(StatusCodes.Status416RangeNotSatisfiable)
            .WithMetadata(
                new DocumentedExample("application/json", JsonNode.Parse("""[{ "id": 1, "title": "Write the report" }]""")!),
                new DocumentedExample("application/x-ndjson", """{ "id": 1, "title": "Write the report" }"""),
                new DocumentedExample("text/csv", "id,title\r\n1,Write the report\r\n"));
    }

    private static async Task<Results<Accepted<ExportStarted>, ValidationProblem, ProblemHttpResult>> StartExport(
        [FromHeader(Name = Idempotency.Header), Text(IdempotentAnswer.KeyMaxLength)] string? idempotencyKey,
        ClaimsPrincipal caller,
        OwnerTransaction transaction,
        Idempotency idempotency,
        IJobQueue jobs,
        CancellationToken cancellationToken,
        [FromQuery(Name = "export_format")] string exportFormat = "json")
    {
        if (!TryParse(exportFormat, out var format))
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["export_format"] = ["Must be json, ndjson or csv."] });
        }

        var owner = caller.GetUserId();
        var input = new ExportInput(format);
        var started = await transaction.RunAsync(
            [], attempt => idempotency.OnceAsync(owner, idempotencyKey, input, () => EnqueueAsync(attempt), attempt), cancellationToken);

        return started is null ? Idempotency.KeyOfAnotherRequest() : TypedResults.Accepted(started.StatusUrl, started);

        async Task<ExportStarted> EnqueueAsync(CancellationToken attempt)
        {
            var export = await jobs.EnqueueAsync(owner, input, attempt);
            return new("The export has been started.", export.Id, $"/tasks/export-status/{export.Id}");
        }
    }

    private static async Task<Results<FileStreamHttpResult, NotFound, ProblemHttpResult>> Download(
        Guid exportKey, ClaimsPrincipal caller, TaskTrackerDbContext db, TimeProvider clock, HttpResponse response, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        var export = await db.Operations.AsNoTracking().SingleOrDefaultAsync(
            operation => operation.Id == exportKey && operation.OwnerId == owner
                && operation.Kind == OperationKind.Export && operation.Status == OperationStatus.Completed,
            cancellationToken);
        if (export is null)
        {
            return TypedResults.NotFound();
        }

        if (export.ExpiresAt <= clock.GetUtcNow())
        {
            return TypedResults.Problem("The export has expired: ask for a new one.", statusCode: StatusCodes.Status410Gone);
        }

        var length = await db.ExportChunks.Where(chunk => chunk.OperationId == exportKey).SumAsync(chunk => (long)chunk.Data.Length, cancellationToken);
        response.Headers.CacheControl = "private, no-cache";
        response.Headers.XContentTypeOptions = "nosniff";
        var (type, extension) = DescribeFile(export.ReadInput<ExportInput>().Format);

        return TypedResults.Stream(
            new ExportStream(db, exportKey, length),
            type,
            string.Create(CultureInfo.InvariantCulture, $"tasks-{export.CreatedAt.UtcDateTime:yyyy-MM-dd-HHmmss}.{extension}"),
            export.FinishedAt,
            new EntityTagHeaderValue($"\"{exportKey:N}\""),
            enableRangeProcessing: true);
    }

    private static bool TryParse(string text, out ExportFormat format)
    {
        foreach (var known in Enum.GetValues<ExportFormat>())
        {
            if (text == OperationJson.NameOf(known))
            {
                format = known;
                return true;
            }
        }

        format = default;
        return false;
    }

    private static (string Type, string Extension) DescribeFile(ExportFormat format) => format switch
    {
        ExportFormat.Json => ("application/json", "json"),
        ExportFormat.Ndjson => ("application/x-ndjson", "ndjson"),
        ExportFormat.Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "There is no such format."),
    };
}

/// <summary>An export that has been asked for.</summary>
/// <param name="Message">What happens now.</param>
/// <param name="TaskId">The operation's id.</param>
/// <param name="StatusUrl">Where to see how far it is, and where its file will be.</param>
public sealed record ExportStarted(string Message, Guid TaskId, string StatusUrl);
