using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>Healthy when Postgres accepts the credentials and answers a query in the database named.</summary>
/// <param name="connectionString">The connection string in the form of Npgsql.</param>
internal sealed class PostgresHealthCheck(Func<CancellationToken, ValueTask<string?>> connectionString) : IHealthCheck
{
    private const int LimitSeconds = 3;

    /// <inheritdoc />
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await SelectAsync(await connectionString(cancellationToken) ?? "", cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException e)
        {
            return HealthCheckResult.Unhealthy("Postgres does not answer", e);
        }
    }

    /// <summary>Asks once.</summary>
    /// <exception cref="NpgsqlException">There was no answer.</exception>
    public static async Task SelectAsync(string connectionString, CancellationToken cancellationToken)
    {
        // A connection of its own, not one left in a pool by the last check, and a short patience: a proxy in front of a server that is
        // not up yet accepts connections and keeps silent.
        var own = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Timeout = LimitSeconds, CommandTimeout = LimitSeconds };
        await using var connection = new NpgsqlConnection(own.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand("SELECT 1", connection);
        await command.ExecuteScalarAsync(cancellationToken);
    }
}
