using Microsoft.Extensions.Diagnostics.HealthChecks;
using TaskTracker.Data;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Api.Health;

/// <summary>How the service is, for people and for whoever decides whether it gets requests.</summary>
internal static class HealthServices
{
    // The database's own check comes with its context, under the context's name.
    private const string Database = nameof(TaskTrackerDbContext);
    private const string Schema = "schema";
    private const string Cache = "cache";
    private const string Jobs = "jobs";

    public static void AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<SchemaGate>();
        services.AddHealthChecks()
            .AddCheck<SchemaCheck>(Schema)
            .AddCheck<CacheCheck>(Cache, HealthStatus.Degraded)
            .AddCheck<JobsCheck>(Jobs);
    }

    public static void MapHealth(this WebApplication app) => app.MapDefaultEndpoints(Describe);

    private static HealthResponse Describe(HealthReport report)
    {
        var database = (Is(Database) ? Say(Schema) : null) ?? "disconnected";
        var cache = Is(Cache);
        var jobs = Say(Jobs) ?? "unknown";

        return new HealthResponse(
            report.Status.ToString().ToLowerInvariant(), database, cache ? "connected" : "disconnected", cache ? "in_use" : "bypassed", jobs);

        bool Is(string check) => report.Entries.TryGetValue(check, out var entry) && entry.Status == HealthStatus.Healthy;

        // Of a check that took too long the description is not its own.
        string? Say(string check) => report.Entries.TryGetValue(check, out var entry) && entry.Exception is null ? entry.Description : null;
    }
}

/// <summary>How the service is.</summary>
/// <param name="Status"><c>healthy</c>, <c>degraded</c> without the cache, <c>unhealthy</c> without the database.</param>
/// <param name="Database"><c>connected</c>, <c>disconnected</c>, <c>migrating</c> while its schema is not current, or <c>too_old</c>.</param>
/// <param name="Redis"><c>connected</c> or <c>disconnected</c>.</param>
/// <param name="RedisStatus"><c>in_use</c>, or <c>bypassed</c> while answers come from the database alone.</param>
/// <param name="Jobs"><c>running</c> where a jobs service has checked in of late, <c>stale</c> where the last one has stopped or fell silent, <c>unknown</c> where none has been.</param>
public sealed record HealthResponse(string Status, string Database, string Redis, string RedisStatus, string Jobs);
