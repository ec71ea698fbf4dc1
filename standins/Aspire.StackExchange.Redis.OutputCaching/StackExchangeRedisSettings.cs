namespace Aspire.StackExchange.Redis;

/// <summary>Settings of a Redis client, read from the section Aspire:StackExchange:Redis.</summary>
public sealed class StackExchangeRedisSettings
{
    /// <summary>
    /// The connection string, as StackExchange.Redis writes it. ConnectionStrings:{connection name} replaces it.
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>Whether there is no health check of the server.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Whether commands make no spans.</summary>
    public bool DisableTracing { get; set; }
}
