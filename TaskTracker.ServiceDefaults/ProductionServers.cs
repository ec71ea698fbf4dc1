using System.Data.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace TaskTracker.ServiceDefaults;

/// <summary>What Production asks of the connections to its servers: a password that nobody guesses, and TLS that is checked.</summary>
internal static class ProductionServers
{
    private static readonly string[] s_guessable =
        ["admin", "cache", "change-me", "changeme", "default", "guest", "password", "passw0rd", "postgres", "redis", "root", "secret", "tasktracker", "test"];

    // What Npgsql takes in the place of a password.
    private static readonly string[] s_otherCredentials = ["Passfile", "SSL Certificate", "SslCertificate"];

    private static readonly string[] s_sslMode = ["SSL Mode", "SslMode"];

    /// <summary>Refuses servers that anybody could use, and has the database's certificate checked wherever TLS is required.</summary>
    /// <exception cref="InvalidOperationException">A connection string is not fit for Production; the message names it without its value.</exception>
    public static void RequireSafeServers(this IHostApplicationBuilder builder)
    {
        if (!builder.Environment.IsProduction())
        {
            return;
        }

        if (builder.Configuration.GetConnectionString(ServerUrls.DatabaseConnection) is { Length: > 0 } database)
        {
            var connection = Parse(database);
            if (!s_otherCredentials.Any(connection.ContainsKey))
            {
                RequirePassword(ServerUrls.DatabaseConnection, ValueOf(connection, "Password", "PWD", "PSW"), "Password=…");
            }

            // To encrypt without looking at whom one talks to keeps nobody out who can redirect the connection.
            if (s_sslMode.FirstOrDefault(connection.ContainsKey) is { } mode
                && string.Equals(connection[mode].ToString(), "Require", StringComparison.OrdinalIgnoreCase))
            {
                connection[mode] = "VerifyFull";
                builder.Configuration.AddInMemoryCollection([new($"ConnectionStrings:{ServerUrls.DatabaseConnection}", connection.ConnectionString)]);
            }
        }

        if (builder.Configuration.GetConnectionString(ServerUrls.CacheConnection) is { Length: > 0 } cache)
        {
            var password = cache.Split(',', StringSplitOptions.TrimEntries)
                .Select(option => option.Split('=', 2, StringSplitOptions.TrimEntries))
                .LastOrDefault(option => option.Length == 2 && option[0].Equals("password", StringComparison.OrdinalIgnoreCase))?[1];
            RequirePassword(ServerUrls.CacheConnection, password, "password=…");
        }
    }

    private static void RequirePassword(string name, string? password, string form)
    {
        if (string.IsNullOrEmpty(password))
        {
            throw new InvalidOperationException($"ConnectionStrings:{name} has no password, which Production does not accept: add '{form}' and have the server ask for it.");
        }

        if (s_guessable.Contains(password, StringComparer.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                $"ConnectionStrings:{name} has a password that anybody would try, which Production does not accept: give the server a random one, for example from 'openssl rand -hex 24'.");
        }
    }

    private static DbConnectionStringBuilder Parse(string connectionString)
    {
        try
        {
            return new DbConnectionStringBuilder { ConnectionString = connectionString };
        }
        catch (ArgumentException)
        {
            // Its message repeats what it could not read.
            throw new InvalidOperationException($"ConnectionStrings:{ServerUrls.DatabaseConnection} cannot be read: write 'Host=…;Database=…;Username=…;Password=…'.");
        }
    }

    private static string? ValueOf(DbConnectionStringBuilder connection, params string[] keywords) =>
        keywords.Where(connection.ContainsKey).Select(keyword => connection[keyword].ToString()).FirstOrDefault();
}
