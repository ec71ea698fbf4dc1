using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;

namespace TaskTracker.Api.Health;

/// <summary>
/// Whether the database can serve this version: the server is new enough and the tables are there. The jobs service
/// brings them; until it has, routes that need data answer 503 with the reason.
/// </summary>
internal sealed partial class SchemaGate(IServiceScopeFactory scopes, TimeProvider clock, ILogger<SchemaGate> logger)
{
    // How often a request may ask again while the answer is no.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private volatile SchemaState _state = SchemaState.Migrating;
    private long _askAgainAt;

    /// <summary>For good once it is <see cref="SchemaState.Current"/>: a schema is not taken back under a running service.</summary>
    public async ValueTask<SchemaState> GetAsync(CancellationToken cancellationToken)
    {
        if (_state == SchemaState.Current)
        {
            return _state;
        }

        var now = clock.GetTimestamp();
        var askAgainAt = Interlocked.Read(ref _askAgainAt);
        if (now < askAgainAt
            || Interlocked.CompareExchange(ref _askAgainAt, now + (long)(Patience.TotalSeconds * clock.TimestampFrequency), askAgainAt) != askAgainAt)
        {
            return _state;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var version = await db.Database.SqlQuery<int>($"""select current_setting('server_version_num')::int as "Value" """).SingleAsync(cancellationToken);
        if (version / 10_000 < DataServices.OldestPostgres)
        {
            if (_state != SchemaState.TooOld)
            {
                LogTooOld(version / 10_000, DataServices.OldestPostgres);
            }

            return _state = SchemaState.TooOld;
        }

        // Asked for first, because a failed query would be in the log as an error.
        if (!await db.Database.SqlQuery<bool>($"""select to_regclass('"__EFMigrationsHistory"') is not null as "Value" """).SingleAsync(cancellationToken))
        {
            return _state = SchemaState.Migrating;
        }

        var applied = await db.Database.GetAppliedMigrationsAsync(cancellationToken);
        return _state = db.Database.GetMigrations().Except(applied).Any() ? SchemaState.Migrating : SchemaState.Current;
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The database is served by PostgreSQL {Version}: use PostgreSQL {Oldest} or later")]
    private partial void LogTooOld(int version, int oldest);
}

/// <summary>What the database offers.</summary>
internal enum SchemaState
{
    /// <summary>Not yet the tables this version needs.</summary>
    Migrating,

    /// <summary>All that is needed.</summary>
    Current,

    /// <summary>A server that lacks what writes rely on.</summary>
    TooOld,
}

/// <summary>Puts a group of routes behind the <see cref="SchemaGate"/>.</summary>
internal static class SchemaGateExtensions
{
    public static TBuilder RequireSchema<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<SchemaGate>().GetAsync(context.HttpContext.RequestAborted) switch
            {
                SchemaState.Current => await next(context),
                SchemaState.TooOld => Unavailable($"The database server is too old: PostgreSQL {DataServices.OldestPostgres} or later is needed."),
                _ => Unavailable("The database's schema is not current yet: the jobs service migrates it at its start. Try again in a moment."),
            });

    private static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Unavailable(string reason) =>
        TypedResults.Problem(reason, statusCode: StatusCodes.Status503ServiceUnavailable);
}
