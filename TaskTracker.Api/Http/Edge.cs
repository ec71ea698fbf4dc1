using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Api.Http;

/// <summary>What stands between the network and the routes: proxies, other origins, headers that browsers heed, and limits.</summary>
internal static class Edge
{
    /// <summary>The longest path with its query, in characters.</summary>
    public const int MaxTargetLength = 8_000;

    // The page over the OpenAPI document needs its own scripts and styles; nothing else that is answered here runs.
    private const string DocsContent = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
    private const string NoContent = "default-src 'none'; frame-ancestors 'none'";

    public static void AddEdge(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<EdgeOptions>().BindConfiguration(EdgeOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<EdgeOptions>>((forwarded, edge) =>
        {
            // Each hop is believed only while it is a known proxy, however many there are. To the framework an empty list of
            // them means everybody.
            var trusted = edge.Value.ParseTrustedProxies();
            forwarded.ForwardedHeaders = trusted.Count > 0 ? ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto : ForwardedHeaders.None;
            forwarded.ForwardLimit = null;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in trusted)
            {
                forwarded.KnownIPNetworks.Add(network);
            }
        });
        builder.Services.AddScoped<Idempotency>();
        builder.Services.AddCors();
        builder.Services.AddOptions<Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions>().Configure<IOptions<EdgeOptions>>((cors, edge) =>
            cors.AddDefaultPolicy(policy => policy
                .WithOrigins([.. edge.Value.ParseOrigins()])
                .AllowAnyHeader()
                .AllowAnyMethod()
                .WithExposedHeaders(HeaderNames.ETag, HeaderNames.Link, HeaderNames.Location, HeaderNames.RetryAfter)
                .SetPreflightMaxAge(TimeSpan.FromMinutes(10))));
        builder.Services.Configure<KestrelServerOptions>(options =>
        {
            options.AddServerHeader = false;
            // Above it Kestrel answers without a body; up to it a problem says what the limit is.
            options.Limits.MaxRequestLineSize = 4 * MaxTargetLength;
            options.Limits.MaxRequestHeadersTotalSize = 8 * MaxTargetLength;
        });
    }

    public static void UseEdge(this WebApplication app)
    {
        app.UseForwardedHeaders();
        app.Use((context, next) =>
        {
            context.Response.OnStarting(AddHeaders, context);
            return next(context);
        });
        if (app.Environment.IsProduction())
        {
            app.UseHsts();
            // To the port of HTTPS_PORT, or of this service's own HTTPS address; without either a proxy is taken to see to it.
            // Probes come from inside, as plain HTTP.
            app.UseWhen(
                context => !context.Request.Path.StartsWithSegments("/health") && !context.Request.Path.StartsWithSegments("/alive"),
                open => open.UseHttpsRedirection());
        }
    }

    /// <summary>Refuses targets that are too long; inside of what turns status codes into problems.</summary>
    public static void UseTargetLimit(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.Path.Value?.Length + context.Request.QueryString.Value?.Length <= MaxTargetLength)
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status414UriTooLong;
        return Task.CompletedTask;
    });

    /// <summary>Refuses bodies in a coding or a charset that nobody here reads, which reading them would take for a defect of our own.</summary>
    public static void UseReadableBodies(this WebApplication app) => app.Use((context, next) =>
    {
        var request = context.Request;
        var isCoded = request.Headers.ContentEncoding.Any(coding => !string.Equals(coding, "identity", StringComparison.OrdinalIgnoreCase));
        var hasOddCharset = MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.Charset.HasValue && type.Encoding is null;
        if (!isCoded && !hasOddCharset)
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        return Task.CompletedTask;
    });

    private static Task AddHeaders(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/docs") ? DocsContent : NoContent;
        if (headers.CacheControl.Count == 0)
        {
            // Everything here is somebody's own; what has an ETag may be kept, and asked about.
            headers.CacheControl = headers.ETag.Count > 0 ? "private, no-cache" : "no-store";
        }

        return Task.CompletedTask;
    }
}
