using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>
/// Keeps an owner's answers under that owner's number and version, which the framework's own policy would refuse for
/// being authenticated. Where the version may not be used, the request passes by the cache both ways.
/// </summary>
/// <param name="lifetime">How long an answer is kept.</param>
internal sealed class OwnerCachePolicy(Func<CacheOptions, TimeSpan> lifetime) : IOutputCachePolicy
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

        var owner = http.User.GetUserId();
        if (await http.RequestServices.GetRequiredService<OwnerVersions>().ReadAsync(owner) is not { } version)
        {
            return;
        }

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

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        context.AllowCacheStorage &= context.HttpContext.Response.StatusCode == StatusCodes.Status200OK;

        return ValueTask.CompletedTask;
    }
}
