using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace TaskTracker.ServiceDefaults;

/// <summary>Gives the span of a request its route, a name with it, and its outcome, which .NET 10 does not do by itself.</summary>
internal sealed class RequestSpans : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (context, inner) =>
        {
            try
            {
                await inner(context);
            }
            finally
            {
                Complete(context);
            }
        });
        next(app);
    };

    private static void Complete(HttpContext context)
    {
        if (context.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } span
            || span.GetTagItem("http.request.method") is not string method)
        {
            return;
        }

        // The exception handler takes the endpoint away, just where the name matters most.
        var endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint ?? context.GetEndpoint();
        var route = (endpoint as RouteEndpoint)?.RoutePattern.RawText;
        if (route is { Length: > 1 })
        {
            // The root of a route group ends in a slash, which no client writes.
            route = route.TrimEnd('/');
        }

        span.DisplayName = route is null ? method : $"{method} {route}";
        span.SetTag("http.route", route);

        span.SetTag("http.response.status_code", context.Response.StatusCode);
        if (context.Response.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            span.SetStatus(ActivityStatusCode.Error);
        }
    }
}
