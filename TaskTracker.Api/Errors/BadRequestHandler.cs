using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;

namespace TaskTracker.Api.Errors;

/// <summary>Answers a request that could not be read: the field's name, and what is wrong with it.</summary>
internal sealed partial class BadRequestHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not BadHttpRequestException refusal)
        {
            return false;
        }

        context.Response.StatusCode = refusal.StatusCode;
        var problem = Describe(refusal) is var (field, text)
            ? new HttpValidationProblemDetails(new Dictionary<string, string[]> { [field] = [text] })
            : new Microsoft.AspNetCore.Mvc.ProblemDetails();
        problem.Status = refusal.StatusCode;

        return await problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem });
    }

    private static (string Field, string Text)? Describe(BadHttpRequestException refusal)
    {
        if (refusal is UnreadableHeaderException unreadable)
        {
            return (unreadable.Header, unreadable.Expected);
        }

        if (refusal.StatusCode != StatusCodes.Status400BadRequest)
        {
            return null;
        }

        if (refusal.InnerException is JsonException json)
        {
            var field = json.Path?.TrimStart('$', '.') is { Length: > 0 } path ? path : "body";
            return (field, json.Message == UtcTime.Expected ? UtcTime.Expected
                : field == "body" ? "Must be well-formed JSON in UTF-8, an object with the fields that /docs shows."
                : "Must be well-formed JSON of the type that /docs shows.");
        }

        // The framework tells the name of a parameter in its sentence only.
        return Unread().Match(refusal.Message) is { Success: true } match
            ? (match.Groups["name"].Value, "Must be given, and be of the type that /docs shows.")
            : ("body", "Must be given, and be readable as the type that Content-Type says.");
    }

    [GeneratedRegex("^(?:Failed to bind|Required) parameter \"[^\"]* (?<name>\\w+)\"")]
    private static partial Regex Unread();
}
