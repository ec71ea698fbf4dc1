using System.Data.Common;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;

namespace TaskTracker.Api.Errors;

/// <summary>Answers 503 where the database cannot be reached, in place of an internal error that the client could not tell from a defect.</summary>
internal sealed partial class DatabaseAwayHandler(IProblemDetailsService problems, ILogger<DatabaseAwayHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not RetryLimitExceededException && exception is not DbException { IsTransient: true }
            && exception.InnerException is not DbException { IsTransient: true })
        {
            return false;
        }

        LogAway(logger, exception.GetBaseException().GetType().Name);
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "5";

        return await problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = { Status = 503 } });
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The database cannot be reached ({Cause})")]
    private static partial void LogAway(ILogger logger, string cause);
}
