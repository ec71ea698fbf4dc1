using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;
using TaskTracker.Data.Audit;

namespace TaskTracker.Api.Operators;

/// <summary>
/// Writes down what operators do: an entry before the action, which is completed after it, and a line in the log. Where
/// the entry cannot be written, nothing is done.
/// </summary>
internal sealed partial class AuditTrail(IServiceScopeFactory scopes, TimeProvider clock, ILogger<AuditTrail> logger)
{
    public async Task<AuditEntry> BeginAsync(
        string actor, int? userId, string action, string target, string? reason, CancellationToken cancellationToken)
    {
        var entry = new AuditEntry
        {
            At = clock.GetUtcNow(),
            Actor = actor,
            UserId = userId,
            Action = action,
            Target = Cut(target, AuditEntry.TargetMaxLength)!,
            Reason = reason,
        };

        // A scope of its own: the action's may be in a transaction that comes to nothing.
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        db.Audit.Add(entry);
        await db.SaveChangesAsync(cancellationToken);

        return entry;
    }

    public async Task EndAsync(AuditEntry entry, AuditOutcome outcome, string? detail)
    {
        // Names are personal, and logs go far: the number says enough to who may read the entry.
        LogActed(entry.Id, entry.UserId is { } user ? $"user {user}" : entry.Actor, entry.Action, entry.Target, outcome, detail);

        // Whoever asked may be gone by now; what they did is written all the same.
        var cut = Cut(detail, AuditEntry.DetailMaxLength);
        await using var scope = scopes.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>().Audit.Where(row => row.Id == entry.Id).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.Outcome, outcome).SetProperty(row => row.Detail, cut), CancellationToken.None);
    }

    private static string? Cut(string? text, int length) =>
        text is null || text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    [LoggerMessage(Level = LogLevel.Information, Message = "Audit {Entry}: {Actor} asked to {Action} {Target}: {Outcome} {Detail}")]
    private partial void LogActed(long entry, string actor, string action, string target, AuditOutcome outcome, string? detail);
}

/// <summary>Puts a route that acts behind the <see cref="AuditTrail"/>.</summary>
internal static class AuditTrailExtensions
{
    /// <param name="route">The route.</param>
    /// <param name="action">What it does, in the words of the audit.</param>
    /// <param name="target">The name of the route's value that says to what; without one, what is named itself.</param>
    public static RouteHandlerBuilder Audited(this RouteHandlerBuilder route, string action, string target) =>
        route.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            var trail = http.RequestServices.GetRequiredService<AuditTrail>();
            var (actor, user) = http.User.GetActor();
            var reason = context.Arguments.OfType<PauseRequest>().FirstOrDefault()?.Reason;
            var entry = await trail.BeginAsync(
                actor, user, action, http.GetRouteValue(target)?.ToString() ?? target, reason, http.RequestAborted);
            try
            {
                var result = await next(context);
                var (outcome, detail) = Describe(result);
                await trail.EndAsync(entry, outcome, detail);

                return result;
            }
            catch (Exception exception)
            {
                await trail.EndAsync(entry, AuditOutcome.Failed, exception.GetType().Name);
                throw;
            }
        });

    private static (AuditOutcome, string?) Describe(object? result)
    {
        var answer = result is INestedHttpResult nested ? nested.Result : result;
        return answer is IStatusCodeHttpResult { StatusCode: >= 400 and var status }
            ? (status < 500 ? AuditOutcome.Refused : AuditOutcome.Failed,
                answer is Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult problem ? problem.ProblemDetails.Detail : null)
            : (AuditOutcome.Done, null);
    }
}
