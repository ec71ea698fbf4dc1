using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Api.Accounts;

/// <summary>A 401 with the challenge that RFC 9110 asks for and a problem as its body.</summary>
/// <param name="detail">Why, without telling a guesser anything.</param>
internal sealed class UnauthorizedProblem(string detail) : IResult, IStatusCodeHttpResult
{
    public int? StatusCode => StatusCodes.Status401Unauthorized;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status401Unauthorized;
        httpContext.Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        await httpContext.RequestServices.GetRequiredService<IProblemDetailsService>().WriteAsync(new ProblemDetailsContext
        {
            HttpContext = httpContext,
            ProblemDetails = new ProblemDetails { Status = StatusCode, Detail = detail },
        });
    }
}
