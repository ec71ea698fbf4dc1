using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Statistics;

namespace TaskTracker.Api.Statistics;

/// <summary>The caller's tasks in numbers: always right, whether they come from the cache, from the table, or are counted now.</summary>
internal static class StatisticsEndpoints
{
    private const string Kind = "statistics";

    public static void MapStatistics(this IEndpointRouteBuilder routes)
    {
        var statistics = routes.MapGroup("/tasks/statistics").WithTags("Tasks").RequireSchema();

        statistics.MapGet("/", GetStatistics).WithName(nameof(GetStatistics)).WithSummary("The caller's tasks in numbers")
            .Produces(StatusCodes.Status304NotModified);
        statistics.MapGet("/history", GetHistory).WithName(nameof(GetHistory)).WithSummary("What the caller created and completed, day by day")
            .WithDescription("Of the tasks that are still there: a deleted task is not counted, nor the completion of one that was opened again.");
    }

    private static async Task<HistoryResponse> GetHistory(
        [AsParameters] HistoryQuery query, ClaimsPrincipal caller, TaskHistory history, CancellationToken cancellationToken)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(query.ZoneId);
        return new(query.ZoneId, await history.GetAsync(caller.GetUserId(), query.Days ?? HistoryQuery.DefaultDays, zone, cancellationToken));
    }

    private static async Task<Results<Ok<StatisticsResponse>, StatusCodeHttpResult>> GetStatistics(
        ClaimsPrincipal caller,
        HttpResponse response,
        OwnerVersions versions,
        TypedCache cache,
        StatisticsCounter counter,
        CacheMetrics metrics,
        IOptions<CacheOptions> options,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        if (await versions.ReadAsync(owner) is not { } version)
        {
            metrics.Bypass(Kind);
            return Answer(await counter.GetAsync(owner, cancellationToken));
        }

        var statistics = await cache.GetOrCreateAsync(
            $"{Kind}:{owner}:{version}",
            async (services, limit) =>
            {
                var counted = await services.GetRequiredService<StatisticsCounter>().GetAsync(owner, limit);
                var until = clock.GetUtcNow() + options.Value.Statistics;

                // The next deadline makes one more task overdue, and nobody writes anything then.
                return (counted, counted.NextDeadline < until ? counted.NextDeadline.Value : until);
            },
            cancellationToken);

        NearAnswers.Keep(response.HttpContext, Kind, owner, version, statistics.NextDeadline ?? DateTimeOffset.MaxValue);
        return Answer(statistics);

        Results<Ok<StatisticsResponse>, StatusCodeHttpResult> Answer(TaskStatistics found) => EntityTags.Of(found).IsKnownTo(response)
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Ok(StatisticsResponse.From(found));
    }
}

/// <summary>Which days to count.</summary>
public sealed record HistoryQuery : IValidatableObject
{
    internal const int DefaultDays = 30;

    /// <summary>How many days, today included: 1 to 366, 30 by default.</summary>
    [Range(1, 366, ErrorMessage = "Must be a number from 1 to 366.")]
    public int? Days { get; init; }

    /// <summary>The time zone whose days are meant, such as <c>Europe/Berlin</c>; UTC by default.</summary>
    [FromQuery(Name = "time_zone"), Text(64)]
    public string? TimeZone { get; init; }

    internal string ZoneId => string.IsNullOrEmpty(TimeZone) ? "UTC" : TimeZone;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => TimeZoneInfo.TryFindSystemTimeZoneById(ZoneId, out _)
        ? []
        : [new ValidationResult("Must be a time zone of the IANA database, such as Europe/Berlin.", [nameof(TimeZone)])];
}

/// <summary>Tasks day by day.</summary>
/// <param name="TimeZone">The time zone whose days these are.</param>
/// <param name="Days">The days, the earliest first, today the last.</param>
public sealed record HistoryResponse(string TimeZone, IReadOnlyList<DayOfTasks> Days);

/// <summary>The caller's tasks in numbers.</summary>
/// <param name="TotalTasks">How many there are.</param>
/// <param name="CompletedTasks">How many are done.</param>
/// <param name="OverdueTasks">How many are open although their deadline has passed.</param>
/// <param name="CompletionRate">How many of a hundred are done, to two decimals; zero without tasks.</param>
/// <param name="UpdatedAt">When they were counted; they have held since.</param>
public sealed record StatisticsResponse(int TotalTasks, int CompletedTasks, int OverdueTasks, double CompletionRate, DateTimeOffset UpdatedAt)
{
    internal static StatisticsResponse From(TaskStatistics statistics) => new(
        statistics.TotalTasks,
        statistics.CompletedTasks,
        statistics.OverdueTasks,
        statistics.TotalTasks == 0 ? 0 : Math.Round(100.0 * statistics.CompletedTasks / statistics.TotalTasks, 2),
        statistics.UpdatedAt);
}
