using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;

namespace TaskTracker.Api.Health;

/// <summary>
/// Whether the database can serve this version: the server is new enough and the tables are there. The jobs service
/// brings them; until it has, routes that need data answer 503 with the reason.
/// </summary>
internal sealed partial class SchemaGate(IServiceScopeFactory scopes, TimeProvider clock, ILogger<SchemaGate> logger)
{
    // How often the database is asked again while the answer is no.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private volatile SchemaState _state = SchemaState.Migrating;
    private Task<SchemaState>? _asking;
    private long _askedAt;

    /// <summary>For good once it is <see cref="SchemaState.Current"/>: a schema is not taken back under a running service.</summary>
    public async ValueTask<SchemaState> GetAsync(CancellationToken cancellationToken)
    {
        if (_state == SchemaState.Current)
        {
            return _state;
        }

        // Whoever comes while the database is being asked waits for that answer: the one before says nothing any more.
        Task<SchemaState> asking;
        lock (_gate)
        {
            if (_asking is null || (_asking.IsCompleted && clock.GetElapsedTime(_askedAt) >= Patience))
            {
                _askedAt = clock.GetTimestamp();
                _asking = AskAsync();
            }

            asking = _asking;
        }

        return await asking.WaitAsync(cancellationToken);
    }

    private async Task<SchemaState> AskAsync()
    {
        // Asked on behalf of many, so no one's going away ends it; connecting and each query have limits of their own.
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var version = await db.Database.SqlQuery<int>($"""select current_setting('server_version_num')::int as "Value" """).SingleAsync();
        if (version / 10_000 < DataServices.OldestPostgres)
        {
            if (_state != SchemaState.TooOld)
            {
                LogTooOld(version / 10_000, DataServices.OldestPostgres);
            }

            return _state = SchemaState.TooOld;
        }

        // Asked for first, because a failed query would be in the log as an error.
        if (!await db.Database.SqlQuery<bool>($"""select to_regclass('"__EFMigrationsHistory"') is not null as "Value" """).SingleAsync())
        {
            return _state = SchemaState.Migrating;
        }

        var applied = await db.Database.GetAppliedMigrationsAsync();
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
        routes.ProducesUnavailable().AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<SchemaGate>().GetAsync(context.HttpContext.RequestAborted) switch
            {
                SchemaState.Current => await next(context),
                SchemaState.TooOld => Unavailable($"The database server is too old: PostgreSQL {DataServices.OldestPostgres} or later is needed."),
                _ => Unavailable("The database's schema is not current yet: the jobs service migrates it at its start. Try again in a moment."),
            });

    /// <summary>Declares that a route may have to wait for the services it needs.</summary>
    public static TBuilder ProducesUnavailable<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status503ServiceUnavailable, typeof(ProblemDetails), ["application/problem+json"]));

    private static Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult Unavailable(string reason) =>
        TypedResults.Problem(reason, statusCode: StatusCodes.Status503ServiceUnavailable);
}
