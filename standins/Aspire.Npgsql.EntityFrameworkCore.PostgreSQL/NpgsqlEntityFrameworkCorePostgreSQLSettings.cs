namespace Aspire.Npgsql.EntityFrameworkCore.PostgreSQL;

/// <summary>
/// Settings of a database context on PostgreSQL, read from the section Aspire:Npgsql:EntityFrameworkCore:PostgreSQL.
/// </summary>
public class NpgsqlEntityFrameworkCorePostgreSQLSettings
{
    /// <summary>The connection string. ConnectionStrings:{connection name} replaces it.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>Whether commands that failed for a passing reason are not tried again.</summary>
    public bool DisableRetry { get; set; }

    /// <summary>Whether there is no health check of the database.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Whether commands make no spans.</summary>
    public bool DisableTracing { get; set; }

    /// <summary>Whether Npgsql's metrics are not collected.</summary>
    public bool DisableMetrics { get; set; }

    /// <summary>How long a command may take, in seconds; Npgsql's default when null.</summary>
    public int? CommandTimeout { get; set; }
}
