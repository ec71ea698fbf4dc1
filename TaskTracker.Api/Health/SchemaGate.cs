using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;

namespace TaskTracker.Api.Health;

/// <summary>
/// Whether the database has the tables this version needs. The jobs service brings them; until it has, routes that need
/// data answer 503.
/// </summary>
internal sealed class SchemaGate(IServiceScopeFactory scopes, TimeProvider clock)
{
    // How often a request may ask again while the answer is no.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private volatile bool _current;
    private long _askAgainAt;

    /// <summary>True for good once it was true: a schema is not taken back under a running service.</summary>
    public async ValueTask<bool> IsCurrentAsync(CancellationToken cancellationToken)
    {
        if (_current)
        {
            return true;
        }

        var now = clock.GetTimestamp();
        var askAgainAt = Interlocked.Read(ref _askAgainAt);
        if (now < askAgainAt
            || Interlocked.CompareExchange(ref _askAgainAt, now + (long)(Patience.TotalSeconds * clock.TimestampFrequency), askAgainAt) != askAgainAt)
        {
            return false;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var applied = await db.Database.GetAppliedMigrationsAsync(cancellationToken);
        return _current = !db.Database.GetMigrations().Except(applied).Any();
    }
}

/// <summary>Puts a group of routes behind the <see cref="SchemaGate"/>.</summary>
internal static class SchemaGateExtensions
{
    public static TBuilder RequireSchema<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<SchemaGate>().IsCurrentAsync(context.HttpContext.RequestAborted)
                ? await next(context)
                : TypedResults.Problem(
                    "The database's schema is not current yet: the jobs service migrates it at its start. Try again in a moment.",
                    statusCode: StatusCodes.Status503ServiceUnavailable));
}
