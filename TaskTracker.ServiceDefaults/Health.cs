using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
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

    public static void MapHealth(this IEndpointRouteBuilder routes, Func<HealthReport, object> describe)
    {
        Map(AlivePath, check => check.Tags.Contains(LiveTag), Describe);
        Map(HealthPath, _ => true, describe);

        void Map(string path, Func<HealthCheckRegistration, bool> applies, Func<HealthReport, object> body)
        {
            var options = new HealthCheckOptions
            {
                Predicate = applies,
                ResponseWriter = (context, report) => context.Response.WriteAsJsonAsync(body(report), context.RequestAborted),
            };
            routes.MapHealthChecks(path, options).AllowAnonymous().DisableRateLimiting().DisableHttpMetrics();
        }
    }

    public static object Describe(HealthReport report) => new
    {
        status = Name(report.Status),
        checks = report.Entries.ToDictionary(entry => entry.Key, entry => Name(entry.Value.Status)),
    };

    private static string Name(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };
}
