using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Api.WebPage;

/// <summary>The page for people, and the greeting of programs that ask at the same address.</summary>
internal static class WebPageEndpoints
{
    /// <summary>
    /// Only what this service serves itself runs, loads or is called, nothing inline, and no text becomes markup or script:
    /// whatever a task's title says, it stays text.
    /// </summary>
    private const string Content =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        + "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    public static void MapWebPage(this IEndpointRouteBuilder routes)
    {
        var files = WebPageFiles.Load();
        var page = routes.MapGroup("").WithTags("Health").AllowAnonymous();

        page.MapGet("/", Results<Ok<WelcomeResponse>, FileContentHttpResult> (HttpContext context) =>
            {
                context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.Accept);
                if (!AsksForPage(context.Request))
                {
                    return TypedResults.Ok(new WelcomeResponse("Welcome to TaskTracker.", "/docs", "/openapi/v1.json", "/health"));
                }

                context.Response.Headers.ContentSecurityPolicy = Content;
                // It names the files of its version, so it is asked for each time; they never change.
                return files["index.html"].Answer(context, "no-cache");
            })
            .WithName("Welcome").WithSummary("What this is and where to go: for browsers the page");

        page.MapMethods("/assets/{name}", [HttpMethods.Get, HttpMethods.Head], Results<FileContentHttpResult, NotFound> (string name, HttpContext context) =>
            files.TryGetValue($"assets/{name}", out var file)
                ? file.Answer(context, "public, max-age=31536000, immutable")
                : TypedResults.NotFound())
            .ExcludeFromDescription();
    }

    // Browsers name it; '*/*' of other programs is no wish for a page.
    private static bool AsksForPage(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase) && accepted.Quality != 0);
}

/// <summary>Where to go.</summary>
/// <param name="Message">A greeting.</param>
/// <param name="Docs">The interactive documentation.</param>
/// <param name="Openapi">The OpenAPI document.</param>
/// <param name="Health">The health report.</param>
public sealed record WelcomeResponse(string Message, string Docs, string Openapi, string Health);
