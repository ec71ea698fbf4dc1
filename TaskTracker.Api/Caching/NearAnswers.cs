using System.Diagnostics;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Http;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Caching;

/// <summary>
/// Answers once more, word for word, what this process has answered from the cache a moment ago, and spares the rest of the way:
/// to who has a token that was opened a moment ago and has not ended, while the owner's version is still the one it was answered
/// under, for which Redis is asked each time. A request that is unusual in any way, or refused, goes the whole way.
/// </summary>
internal sealed class NearAnswers(
    RequestDelegate next,
    NearCache near,
    OwnerVersions versions,
    CacheMetrics metrics,
    UserSpans users,
    IOptions<RateLimiterOptions> limits,
    TimeProvider clock)
{
    private const string Bearer = "Bearer ";

    /// <summary>
    /// Keeps the answer that is about to be written. It must be the caller's own, from a route that asks for a token and nothing
    /// else, and stay the same under the owner's version.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="kind">The kind of entry, for metrics.</param>
    /// <param name="owner">Whose answer it is.</param>
    /// <param name="version">The owner's version, from before the answer was looked for.</param>
    /// <param name="until">When it is no longer right by the clock.</param>
    public static void Keep(HttpContext context, string kind, int owner, string version, DateTimeOffset until)
    {
        if (IsPlain(context.Request))
        {
            var keeping = new Keeping(kind, owner, version, until, context.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), new MemoryStream());
            context.Features.Set(keeping);
            context.Response.Body = keeping.Copy;
        }
    }

    public Task InvokeAsync(HttpContext context)
    {
        if (!IsPlain(context.Request))
        {
            return next(context);
        }

        var (asked, now) = (Stopwatch.GetTimestamp(), clock.GetUtcNow());
        if (RememberedTokens.Find(near, context.Request.Headers.Authorization[0].AsSpan(Bearer.Length), now) is { } caller
            && near.Find<NearAnswer>(KeyOf(caller.GetUserId(), context.Request)) is { } answer
            && now < answer.Until)
        {
            var isKnown = answer.Tag.IsKnownTo(context.Request);
            if (isKnown || answer.Body is not null)
            {
                return AnswerAsync(context, caller, answer, isKnown, asked);
            }
        }

        return GoOnAsync(context);
    }

    private async Task AnswerAsync(HttpContext context, ClaimsPrincipal caller, NearAnswer answer, bool isKnown, long asked)
    {
        if (await versions.ReadAsync(answer.Owner) != answer.Version)
        {
            await GoOnAsync(context);
            return;
        }

        context.User = caller;
        using var lease = limits.Value.GlobalLimiter!.AttemptAcquire(context);
        if (!lease.IsAcquired)
        {
            // Nothing was counted, so it is refused there once more.
            context.User = new(new ClaimsIdentity());
            await GoOnAsync(context);
            return;
        }

        users.Mark(caller);
        metrics.Hit(answer.Kind, asked);
        await answer.WriteAsync(context, isKnown, clock.GetUtcNow());
    }

    private async Task GoOnAsync(HttpContext context)
    {
        await next(context);
        if (context.Features.Get<Keeping>() is not { } keeping)
        {
            return;
        }

        await context.Response.BodyWriter.FlushAsync();
        context.Features.Set(keeping.Body);
        if (NearAnswer.Of(context, keeping, clock.GetUtcNow()) is { } answer)
        {
            near.Keep(KeyOf(keeping.Owner, context.Request), answer, answer.Size, NearCache.Life);
        }

        if (keeping.Copy.Length > 0)
        {
            (context.Response.ContentLength, keeping.Copy.Position) = (keeping.Copy.Length, 0);
            await keeping.Copy.CopyToAsync(context.Response.Body);
        }
    }

    // No cached answer depends on another header than these.
    private static bool IsPlain(HttpRequest request)
    {
        var headers = request.Headers;
        return HttpMethods.IsGet(request.Method)
            && headers.Authorization is [{ } authorization] && authorization.StartsWith(Bearer, StringComparison.Ordinal)
            && headers.Origin.Count == 0
            && headers.Range.Count == 0
            && headers.IfModifiedSince.Count == 0
            && headers.ContentType.Count == 0
            && headers.ContentEncoding.Count == 0
            && headers.ContentLength is null
            && headers.TransferEncoding.Count == 0;
    }

    // The path is decoded here, as routes see it: its length says where the query begins, which a question mark does not.
    private static string KeyOf(int owner, HttpRequest request) => $"answer:{owner}:{request.Path.Value!.Length}:{request.Path.Value}{request.QueryString.Value}";

    private sealed record Keeping(string Kind, int Owner, string Version, DateTimeOffset Until, IHttpResponseBodyFeature Body, MemoryStream Copy);

    /// <summary>An answer as it was given; without a body where it was given only to who had it already.</summary>
    private sealed record NearAnswer(
        string Kind,
        int Owner,
        string Version,
        DateTimeOffset Until,
        Endpoint Endpoint,
        EntityTagHeaderValue Tag,
        KeyValuePair<string, StringValues>[] Headers,
        DateTimeOffset? MadeAt,
        byte[]? Body)
    {
        // What it takes beside its body, about.
        private const int OwnSize = 1_000;

        public int Size => OwnSize + (Body?.Length ?? 0);

        /// <summary>Null where the answer is none to give again.</summary>
        public static NearAnswer? Of(HttpContext context, Keeping keeping, DateTimeOffset now)
        {
            var (headers, status) = (context.Response.Headers, context.Response.StatusCode);
            return status is StatusCodes.Status200OK or StatusCodes.Status304NotModified
                && context.GetEndpoint() is { } endpoint
                && EntityTagHeaderValue.TryParse(headers.ETag.ToString(), out var tag)
                ? new(
                    keeping.Kind,
                    keeping.Owner,
                    keeping.Version,
                    keeping.Until,
                    endpoint,
                    tag,
                    [.. headers.Where(header => header.Key != HeaderNames.Age)],
                    HeaderUtilities.TryParseNonNegativeInt64(headers.Age.ToString(), out var age) ? now - TimeSpan.FromSeconds(age) : null,
                    status == StatusCodes.Status200OK ? keeping.Copy.ToArray() : null)
                : null;
        }

        public ValueTask WriteAsync(HttpContext context, bool isKnown, DateTimeOffset now)
        {
            context.SetEndpoint(Endpoint);
            var response = context.Response;
            foreach (var (name, value) in Headers)
            {
                // Of what is not sent again nothing else is said, as the output cache has it.
                if (!isKnown || name == HeaderNames.ETag || name == HeaderNames.Date)
                {
                    response.Headers[name] = value;
                }
            }

            if (isKnown)
            {
                response.StatusCode = StatusCodes.Status304NotModified;
                return ValueTask.CompletedTask;
            }

            if (MadeAt is { } madeAt)
            {
                response.Headers.Age = HeaderUtilities.FormatNonNegativeInt64((long)(now - madeAt).TotalSeconds);
            }

            response.ContentLength = Body!.Length;
            return new(response.Body.WriteAsync(Body, 0, Body.Length));
        }
    }
}

internal static class NearAnswersExtensions
{
    /// <summary>Answers once more what was answered a moment ago; inside of what every answer gets, before everything else.</summary>
    public static void UseNearAnswers(this WebApplication app) => app.UseMiddleware<NearAnswers>();
}
