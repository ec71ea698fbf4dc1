using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace TaskTracker.ServiceDefaults;

internal static class Health
{
    public const string AlivePath = "/alive";
    public const string HealthPath = "/health";

    /// <summary>The tag of checks whose failure only a restart can mend. The others ask for patience.</summary>
    public const string LiveTag = "live";

    // Below the time after which orchestrators give a probe up, so that the answer can say which check hangs.
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(3);

    public static void AddHealth(this IServiceCollection services)
    {
        services.AddHealthChecks();
        services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(check => check.Timeout == Timeout.InfiniteTimeSpan))
            {
                check.Timeout = CheckLimit;
            }
        });
    }

    public static void MapHealth<TReport>(this IEndpointRouteBuilder routes, Func<HealthReport, TReport> describe)
    {
        Map(AlivePath, check => check.Tags.Contains(LiveTag), Describe);
        Map(HealthPath, _ => true, describe);

        void Map<TBody>(string path, Func<HealthCheckRegistration, bool> applies, Func<HealthReport, TBody> body)
        {
            var latest = new LatestReport(applies);
            routes.MapGet(path, async (HealthCheckService checks, HttpContext context) =>
            {
                var report = await latest.GetAsync(checks, context.RequestAborted);
                if (path == HealthPath && context.RequestServices.GetService<Drain>() is { } drain)
                {
                    report = drain.Apply(report);
                }

                context.Response.Headers.CacheControl = "no-store";
                return TypedResults.Json(body(report), statusCode: report.Status == HealthStatus.Unhealthy
                    ? StatusCodes.Status503ServiceUnavailable
                    : StatusCodes.Status200OK);
            }).WithTags("Health").WithName(path == AlivePath ? "GetLife" : "GetHealth").WithSummary(path == AlivePath ? "Whether the process answers" : "Whether the service can do its work")
                .Produces<TBody>().Produces<TBody>(StatusCodes.Status503ServiceUnavailable).AllowAnonymous().DisableRateLimiting().DisableHttpMetrics();
        }
    }

    public static ServiceReport Describe(HealthReport report) => new(
        Name(report.Status), report.Entries.ToDictionary(entry => entry.Key, entry => Name(entry.Value.Status)));

    private static string Name(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };

    /// <summary>Checks at most once a second however many ask, for anybody may ask.</summary>
    private sealed class LatestReport(Func<HealthCheckRegistration, bool> applies)
    {
        private static readonly TimeSpan s_life = TimeSpan.FromSeconds(1);

        private readonly Lock _gate = new();
        private Task<HealthReport>? _report;
        private long _begunAt;

        public Task<HealthReport> GetAsync(HealthCheckService checks, CancellationToken cancellationToken)
        {
            lock (_gate)
            {
                if (_report is null || (_report.IsCompleted && Stopwatch.GetElapsedTime(_begunAt) > s_life))
                {
                    _begunAt = Stopwatch.GetTimestamp();
                    // Others wait for it too, so it does not end with the one who asked first; each check has its limit.
                    _report = checks.CheckHealthAsync(applies, CancellationToken.None);
                }

                return _report.WaitAsync(cancellationToken);
            }
        }
    }
}

/// <summary>How a service is.</summary>
/// <param name="Status"><c>healthy</c>, <c>degraded</c> or <c>unhealthy</c>.</param>
/// <param name="Checks">The same of each check, by its name.</param>
public sealed record ServiceReport(string Status, IReadOnlyDictionary<string, string> Checks);
