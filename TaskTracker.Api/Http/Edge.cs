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

    // The page over the OpenAPI document needs its own scripts and styles; what else runs says so itself.
    private const string DocsContent = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

    // ASPNETCORE_FORWARDEDHEADERS_ENABLED without its prefix.
    private const string BehindProxyKey = "FORWARDEDHEADERS_ENABLED";

    // ASPNETCORE_HTTPS_PORT without its prefix: where browsers that came by plain HTTP are sent.
    private const string HttpsPortKey = "HTTPS_PORT";
    private const string NoContent = "default-src 'none'; frame-ancestors 'none'";

    public static void AddEdge(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<EdgeOptions>().BindConfiguration(EdgeOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        var isBehindProxy = IsBehindProxy(builder.Configuration);
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<EdgeOptions>>((forwarded, edge) =>
        {
            var proxies = edge.Value.ParseTrustedProxies();
            forwarded.ForwardedHeaders = proxies.Count > 0 || isBehindProxy
                ? ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto
                : ForwardedHeaders.None;
            // Each hop is believed only while it is a known proxy, however many there are. Without known ones the middleware
            // believes everybody: then the one hop that the platform's proxy added counts, and nothing a client wrote before it.
            forwarded.ForwardLimit = proxies.Count > 0 ? null : 1;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in proxies)
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
        // There the framework has it before everything else, and a second would believe a second hop, which a client may have written.
        if (!IsBehindProxy(app.Configuration))
        {
            app.UseForwardedHeaders();
        }

        app.Use((context, next) =>
        {
            context.Response.OnStarting(AddHeaders, context);
            return next(context);
        });
        if (app.Environment.IsProduction())
        {
            app.UseHsts();
        }

        if (app.Configuration[HttpsPortKey] is not null)
        {
            // Probes come from beside the service, by plain HTTP.
            app.UseWhen(context => !IsProbe(context.Request.Path), open => open.UseHttpsRedirection());
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

    // Set by a hosting platform whose proxy is the only way in.
    private static bool IsBehindProxy(IConfiguration configuration) => configuration.GetValue(BehindProxyKey, defaultValue: false);

    private static bool IsProbe(PathString path) => path == "/health" || path == "/alive";

    private static Task AddHeaders(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        if (headers.ContentSecurityPolicy.Count == 0)
        {
            headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/docs") ? DocsContent : NoContent;
        }

        if (headers.CacheControl.Count == 0)
        {
            // Everything here is somebody's own; what has an ETag may be kept, and asked about.
            headers.CacheControl = headers.ETag.Count > 0 ? "private, no-cache" : "no-store";
        }

        return Task.CompletedTask;
    }
}
