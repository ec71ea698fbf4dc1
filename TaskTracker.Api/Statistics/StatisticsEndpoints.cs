using System.Security.Claims;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Health;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Statistics;

namespace TaskTracker.Api.Statistics;

/// <summary>The caller's tasks in numbers: always right, whether they come from the cache, from the table, or are counted now.</summary>
internal static class StatisticsEndpoints
{
    private const string Kind = "statistics";

    public static void MapStatistics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/tasks/statistics", GetStatistics).WithName(nameof(GetStatistics)).WithSummary("The caller's tasks in numbers")
            .WithTags("Tasks").RequireSchema();

    private static async Task<StatisticsResponse> GetStatistics(
        ClaimsPrincipal caller,
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
            return StatisticsResponse.From(await counter.GetAsync(owner, cancellationToken));
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

        return StatisticsResponse.From(statistics);
    }
}

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
