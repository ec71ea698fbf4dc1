using StackExchange.Redis;

namespace Aspire.StackExchange.Redis;

internal static class RedisConnection
{
    /// <summary>Connects, and returns also without a server: the connection goes on trying by itself.</summary>
    public static ConnectionMultiplexer Open(
        string? connectionString, string connectionName, string sectionName, Action<ConfigurationOptions>? configure)
    {
        // 1.2.6 would skip the address without a word.
        foreach (var part in (connectionString ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.StartsWith('[') || part.StartsWith("user=", StringComparison.OrdinalIgnoreCase))
            {
                throw new NotSupportedException(
                    $"'ConnectionStrings:{connectionName}' names {(part[0] is '[' ? "an IPv6 address" : "a user")}, which "
                    + "StackExchange.Redis 1.2.6 does not know: use a host's name and the default user's password, or the "
                    + "official Aspire packages.");
            }
        }

        var options = new ConfigurationOptions();
        if (!string.IsNullOrWhiteSpace(connectionString))
        {
            // The library's own message would repeat the string, and with it the password.
            try
            {
                options = ConfigurationOptions.Parse(connectionString);
            }
            catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException)
            {
                throw new InvalidOperationException(
                    $"'ConnectionStrings:{connectionName}' is no StackExchange.Redis connection string: write 'host:port,password=…'.");
            }
        }

        options.AbortOnConnectFail = false;
        configure?.Invoke(options);

        if (options.EndPoints.Count == 0)
        {
            throw new InvalidOperationException(
                $"There is no Redis server to connect to: give one as 'ConnectionStrings:{connectionName}', "
                + $"or as 'ConnectionString' in the section '{sectionName}'.");
        }

        var connection = ConnectionMultiplexer.Connect(options);

        // In 1.2.6 answers are by default handed out one after the other: a handler that waits for a second answer
        // would wait for ever. Later versions have no such order, nor the property.
        connection.PreserveAsyncOrder = false;
        return connection;
    }
}
