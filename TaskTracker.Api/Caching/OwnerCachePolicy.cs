using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>
/// Keeps an owner's answers under that owner's number and version, which the framework's own policy would refuse for
/// being authenticated. Where the version may not be used, the request passes by the cache both ways.
/// </summary>
/// <param name="kind">What the answers are, for metrics.</param>
/// <param name="lifetime">How long an answer is kept.</param>
internal sealed class OwnerCachePolicy(string kind, Func<CacheOptions, TimeSpan> lifetime) : IOutputCachePolicy
{
    public async ValueTask CacheRequestAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        var http = context.HttpContext;
        if (!HttpMethods.IsGet(http.Request.Method) || http.User.Identity is not { IsAuthenticated: true }
            // What is overdue changes with the clock, and no write says so: an index answers it each time.
            || http.Request.Query.ContainsKey(nameof(Tasks.TaskQuery.Overdue)))
        {
            return;
        }

        var begun = Stopwatch.GetTimestamp();
        var owner = http.User.GetUserId();
        if (await http.RequestServices.GetRequiredService<OwnerVersions>().ReadAsync(owner) is not { } version)
        {
            MetricsOf(http).Bypass(kind);
            return;
        }

        http.Features.Set(new Asked(begun, owner, version));

        context.EnableOutputCaching = true;
        context.AllowCacheLookup = true;
        context.AllowCacheStorage = true;
        // Waiting for another request would also mean failing with it, and waiting while it waits for its slow client.
        context.AllowLocking = false;
        context.ResponseExpirationTimeSpan = lifetime(http.RequestServices.GetRequiredService<IOptions<CacheOptions>>().Value);
        context.CacheVaryByRules.VaryByHost = false;
        context.CacheVaryByRules.QueryKeys = "*";
        context.CacheVaryByRules.VaryByValues["owner"] = $"{owner}";
        context.CacheVaryByRules.VaryByValues["version"] = version;
    }

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        var asked = context.HttpContext.Features.GetRequiredFeature<Asked>();
        MetricsOf(context.HttpContext).Hit(kind, asked.At);
        // How much of its life is left in Redis, nobody says: what is near adds to that, and is short.
        NearAnswers.Keep(context.HttpContext, kind, asked.Owner, asked.Version, DateTimeOffset.MaxValue);

        return ValueTask.CompletedTask;
    }

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        context.AllowCacheStorage &= context.HttpContext.Response.StatusCode == StatusCodes.Status200OK;

        // A request that may not be cached comes here too.
        if (context.HttpContext.Features.Get<Asked>() is { } asked)
        {
            MetricsOf(context.HttpContext).Miss(kind, asked.At);
        }

        return ValueTask.CompletedTask;
    }

    private static CacheMetrics MetricsOf(HttpContext http) => http.RequestServices.GetRequiredService<CacheMetrics>();

    private sealed record Asked(long At, int Owner, string Version);
}
