using System.Reflection;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;

namespace TaskTracker.Api.Errors;

/// <summary>One shape for every refusal: <c>application/problem+json</c> with a <c>detail</c> that says what would be right.</summary>
internal static class Refusals
{
    /// <summary>The largest request body, in bytes.</summary>
    public const int MaxBodySize = 1024 * 1024;

    /// <summary>The title of a refusal that names fields.</summary>
    public const string NotValid = "The request is not valid.";

    public static IServiceCollection AddRefusals(this IServiceCollection services)
    {
        services.AddProblemDetails(options => options.CustomizeProblemDetails = Complete);
        services.AddValidation();
        services.AddExceptionHandler<BadRequestHandler>();
        services.AddExceptionHandler<DatabaseAwayHandler>();

        // An exception, because only that still knows which field could not be read; BadRequestHandler answers it, in
        // Development too.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.Configure<KestrelServerOptions>(
            options => options.Limits.MaxRequestBodySize = MaxBodySize);

        return services;
    }

    /// <summary>Turns exceptions and bare status codes into problems.</summary>
    public static void UseRefusals(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(async (context, next) =>
        {
            await next(context);

            // A file that is refused in part or whole already has the file's type, and would be taken for a whole answer.
            if (!context.Response.HasStarted && context.Response.StatusCode >= StatusCodes.Status400BadRequest)
            {
                (context.Response.ContentType, context.Response.ContentLength) = (null, null);
            }
        });
    }

    /// <summary>
    /// Answers what routing has refused, the method or the body's type, before anybody is asked for a token: that such a
    /// route is there is no secret. Behind CORS, whose preflights routing refuses as well.
    /// </summary>
    public static void UseRefusalsOfRouting(this WebApplication app) => app.Use((context, next) =>
        context.GetEndpoint() is { RequestDelegate: { } refuse } and not RouteEndpoint ? refuse(context) : next(context));

    private static void Complete(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        if (problem is HttpValidationProblemDetails { Errors.Count: > 0 } validation)
        {
            var errors = validation.Errors.ToDictionary(error => FieldOf(context.HttpContext, error.Key), error => error.Value);
            validation.Errors = errors;
            problem.Title = NotValid;
            problem.Detail ??= string.Join(' ', errors.SelectMany(error => error.Value.Select(text => $"{error.Key}: {text}")));
        }

        problem.Detail ??= DetailOf(problem.Status) ?? problem.Title;
    }

    // The framework names a header by the parameter that takes it.
    private static string FieldOf(HttpContext context, string name) =>
        context.GetEndpoint()?.Metadata.GetMetadata<MethodInfo>()?.GetParameters().FirstOrDefault(parameter => parameter.Name == name)
            ?.GetCustomAttribute<FromHeaderAttribute>()?.Name ?? JsonFormat.FieldName(name);

    /// <summary>What is said of a refusal that says nothing itself.</summary>
    public static string? DetailOf(int? status) => status switch
    {
        StatusCodes.Status400BadRequest => "The request cannot be read.",
        StatusCodes.Status401Unauthorized => "Not authenticated: send a valid access token as 'Authorization: Bearer …'.",
        StatusCodes.Status403Forbidden => "The account may not do this.",
        StatusCodes.Status404NotFound => "Not found.",
        StatusCodes.Status405MethodNotAllowed => "This method is not allowed here: see the Allow header.",
        StatusCodes.Status412PreconditionFailed => "The precondition does not hold.",
        StatusCodes.Status413PayloadTooLarge => $"The body is too large: {MaxBodySize} bytes are the most.",
        StatusCodes.Status414UriTooLong => $"Path and query are too long: {Edge.MaxTargetLength} characters are the most.",
        StatusCodes.Status415UnsupportedMediaType => "The body's type is not supported: see /docs.",
        StatusCodes.Status416RangeNotSatisfiable => "The file has no such bytes: Content-Range says how long it is.",
        StatusCodes.Status429TooManyRequests => "Too many requests: wait as long as Retry-After says.",
        StatusCodes.Status503ServiceUnavailable => "Not available for now: try again.",
        >= 500 => "Something went wrong on our side. The trace id names it in the logs.",
        _ => null,
    };
}
