using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Health;
using TaskTracker.Api.Json;
using TaskTracker.Api.Operations;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Logging;

namespace TaskTracker.Api.Operators;

/// <summary>What operators see of the jobs and do to them. Users' own work is under <see cref="OperationEndpoints"/>.</summary>
internal static class OperatorEndpoints
{
    // Of jobs and of runs, which have the names of hosts in them.
    private const int MaxNameLength = 200;

    public static void MapOperators(this IEndpointRouteBuilder routes)
    {
        var ops = routes.MapGroup("/ops").WithTags("Operators").RequireSchema().RequireJobs()
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status403Forbidden);

        var read = ops.MapGroup("").RequireAuthorization(OperatorAccess.Read);
        read.MapGet("/nodes", ListNodes).WithName(nameof(ListNodes)).WithSummary("The replicas of the jobs service, and what they run");
        read.MapGet("/running", ListRunning).WithName(nameof(ListRunning)).WithSummary("The runs that are under way, in the whole cluster").ProducesValidationProblem();
        read.MapGet("/queue", ListQueue).WithName(nameof(ListQueue)).WithSummary("What waits, by job");
        read.MapGet("/history", ListHistory).WithName(nameof(ListHistory)).WithSummary("The runs that have ended, the latest first, a page at a time").ProducesValidationProblem();
        read.MapGet("/statistics", ListStatistics).WithName(nameof(ListStatistics)).WithSummary("Runs by job in numbers").ProducesValidationProblem();
        read.MapGet("/schedules", ListSchedules).WithName(nameof(ListSchedules)).WithSummary("When jobs start by themselves");

        read.MapGet("/log-levels", ListLogLevels).WithName(nameof(ListLogLevels)).WithSummary("Which log levels are changed for a while");

        var act = ops.MapGroup("").RequireAuthorization(OperatorAccess.Act);
        act.MapPost("/jobs/{name}/run", RunJob).WithName(nameof(RunJob)).WithSummary("Run a job now, also while it is paused")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).Audited("run", "name");
        act.MapPost("/jobs/{name}/pause", PauseJob).WithName(nameof(PauseJob)).WithSummary("Pause a job: what is running ends, nothing begins")
            .ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).Audited("pause", "name");
        act.MapPost("/jobs/{name}/resume", ResumeJob).WithName(nameof(ResumeJob)).WithSummary("End a job's pause")
            .ProducesProblem(StatusCodes.Status404NotFound).Audited("resume", "name");
        act.MapPost("/runs/{id}/cancel", CancelRun).WithName(nameof(CancelRun)).WithSummary("Cancel a run, or an operation by its id")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).Audited("cancel", "id");
        act.MapPost("/runs/{id}/retry", RetryRun).WithName(nameof(RetryRun)).WithSummary("Do again what failed: the operation of a run, or an operation by its id, or the job")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).Audited("retry", "id");
        act.MapPost("/cache/clear", ClearCache).WithName(nameof(ClearCache)).WithSummary("Forget all cached answers, on every replica")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable).Audited("clear", "cache");
        act.MapPut("/log-levels/{service}", SetLogLevel).WithName(nameof(SetLogLevel)).WithSummary("Change how much a service logs for a while, without a restart")
            .ProducesProblem(StatusCodes.Status404NotFound).Audited("set log level", "service");
        act.MapDelete("/log-levels/{service}", ResetLogLevels).WithName(nameof(ResetLogLevels)).WithSummary("Let a service log as configured again")
            .ProducesProblem(StatusCodes.Status404NotFound).Audited("reset log levels", "service");
        act.MapGet("/audit", ListAudit).WithName(nameof(ListAudit)).WithSummary("What operators did, the latest first, a page at a time").ProducesValidationProblem();
    }

    private static async Task<Page<NodeResponse>> ListNodes(ClusterView cluster, CancellationToken cancellationToken) =>
        new(await cluster.ListNodesAsync(cancellationToken), null);

    private static async Task<Results<Ok<Page<RunningResponse>>, ValidationProblem>> ListRunning(
        [AsParameters] PageQuery query, ClusterView cluster, HttpResponse response, CancellationToken cancellationToken)
    {
        if (!Cursor.TryParse(query.Cursor, ClusterView.RunningOrder, out var after) || after?.Id > ClusterView.MaxRunning)
        {
            return TypedResults.ValidationProblem(Cursor.Problem);
        }

        var (skip, limit) = ((int)(after?.Id ?? 0), query.Limit ?? Pages.DefaultLimit);
        var found = await cluster.ListRunningAsync(skip, limit + 1, cancellationToken);
        return TypedResults.Ok(response.Page(found, limit, run => run, _ => new Cursor(ClusterView.RunningOrder, skip + limit)));
    }

    private static async Task<Page<QueueResponse>> ListQueue(ClusterView cluster, CancellationToken cancellationToken) =>
        new(await cluster.ListQueueAsync(cancellationToken), null);

    private static async Task<Results<Ok<Page<RunResponse>>, ValidationProblem>> ListHistory(
        [AsParameters] HistoryQuery query, RunHistory history, HttpResponse response, CancellationToken cancellationToken)
    {
        if (!Cursor.TryParse(query.Cursor, RunHistory.Order, out var before))
        {
            return TypedResults.ValidationProblem(Cursor.Problem);
        }

        var limit = query.Limit ?? Pages.DefaultLimit;
        var found = await history.ListAsync(query, before, limit + 1, cancellationToken);
        return TypedResults.Ok(response.Page(found, limit, run => run.Show(), last => new Cursor(RunHistory.Order, last.FiredTime, last.EntryId)));
    }

    private static async Task<Page<JobStatisticsResponse>> ListStatistics(
        [AsParameters] StatisticsQuery query, RunHistory history, CancellationToken cancellationToken) =>
        new(await history.CountAsync(TimeSpan.FromHours(query.Hours ?? StatisticsQuery.DefaultHours), cancellationToken), null);

    private static async Task<Page<ScheduleResponse>> ListSchedules(ClusterView cluster, CancellationToken cancellationToken) =>
        new(await cluster.ListSchedulesAsync(cancellationToken), null);

    private static async Task<Results<Accepted<ActionResponse>, NotFound, ProblemHttpResult>> RunJob(
        [Text(MaxNameLength, MinimumLength = 1)] string name, JobControl jobs, CancellationToken cancellationToken) =>
        Answer(await jobs.RunAsync(name, cancellationToken));

    private static async Task<Results<Ok<ActionResponse>, NotFound>> PauseJob(
        [Text(MaxNameLength, MinimumLength = 1)] string name, PauseRequest request, HttpContext context, JobControl jobs, CancellationToken cancellationToken) =>
        await jobs.PauseAsync(name, request.Reason, context.User.GetActor().Name, cancellationToken)
            ? TypedResults.Ok(new ActionResponse($"{name} is paused: {request.Reason}"))
            : TypedResults.NotFound();

    private static async Task<Results<Ok<ActionResponse>, NotFound>> ResumeJob(
        [Text(MaxNameLength, MinimumLength = 1)] string name, JobControl jobs, CancellationToken cancellationToken) =>
        await jobs.ResumeAsync(name, cancellationToken)
            ? TypedResults.Ok(new ActionResponse($"{name} is not paused any more."))
            : TypedResults.NotFound();

    private static async Task<Results<Accepted<ActionResponse>, NotFound, ProblemHttpResult>> CancelRun(
        [Text(MaxNameLength, MinimumLength = 1)] string id, RunControl runs, CancellationToken cancellationToken) =>
        Answer(await runs.CancelAsync(id, cancellationToken));

    private static async Task<Results<Accepted<ActionResponse>, NotFound, ProblemHttpResult>> RetryRun(
        [Text(MaxNameLength, MinimumLength = 1)] string id, RunControl runs, CancellationToken cancellationToken) =>
        Answer(await runs.RetryAsync(id, cancellationToken));

    private static async Task<Page<LogLevelResponse>> ListLogLevels(LogLevels levels, CancellationToken cancellationToken) =>
        new(await levels.ListAsync(cancellationToken), null);

    private static async Task<Results<Ok<ActionResponse>, NotFound>> SetLogLevel(
        [Text(MaxNameLength, MinimumLength = 1)] string service, LogLevelRequest request, LogLevels levels, CancellationToken cancellationToken)
    {
        if (!LogLevelServices.Services.Contains(service))
        {
            return TypedResults.NotFound();
        }

        await levels.SetAsync(service, request, cancellationToken);
        return TypedResults.Ok(new ActionResponse($"{service} logs {request.CategoryOrDefault} from {request.Level} on, for {request.Minutes} minutes."));
    }

    private static async Task<Results<Ok<ActionResponse>, NotFound>> ResetLogLevels(
        [Text(MaxNameLength, MinimumLength = 1)] string service, LogLevels levels, CancellationToken cancellationToken)
    {
        if (!LogLevelServices.Services.Contains(service))
        {
            return TypedResults.NotFound();
        }

        await levels.ResetAsync(service, cancellationToken);
        return TypedResults.Ok(new ActionResponse($"{service} logs as configured."));
    }

    private static async Task<Results<Ok<ActionResponse>, ProblemHttpResult>> ClearCache(OwnerVersions versions) =>
        await versions.ClearAsync()
            ? TypedResults.Ok(new ActionResponse("All cached answers are forgotten."))
            : TypedResults.Problem(
                "Redis does not answer: this replica uses no cached answers now, and forgets all of them before it uses Redis again.",
                statusCode: StatusCodes.Status503ServiceUnavailable);

    private static async Task<Results<Ok<Page<AuditResponse>>, ValidationProblem>> ListAudit(
        [AsParameters] PageQuery query, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken) =>
        await response.PageLatestFirstAsync(db.Audit, query, AuditResponse.From, cancellationToken);

    private static Results<Accepted<ActionResponse>, NotFound, ProblemHttpResult> Answer(ActionOutcome outcome) => outcome switch
    {
        { IsKnown: false } => TypedResults.NotFound(),
        { Refusal: { } refusal } => TypedResults.Problem(refusal, statusCode: StatusCodes.Status409Conflict),
        _ => TypedResults.Accepted((string?)null, new ActionResponse(outcome.Message)),
    };
}
