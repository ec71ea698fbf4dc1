using System.Data.Common;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace TaskTracker.ServiceDefaults;

/// <summary>
/// Servers of the user's own, named as hosting platforms name them: <c>DATABASE_URL</c> and <c>REDIS_URL</c> stand for
/// the connection strings of the same servers. A connection string that is given itself wins.
/// </summary>
public static class ServerUrls
{
    /// <summary>The name of the database's connection string.</summary>
    public const string DatabaseConnection = "tasktracker";

    /// <summary>The name of the cache's connection string.</summary>
    public const string CacheConnection = "cache";

    private static readonly Dictionary<string, string> PostgresKeywords = new(StringComparer.Ordinal)
    {
        ["application_name"] = "Application Name",
        ["channel_binding"] = "Channel Binding",
        ["connect_timeout"] = "Timeout",
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
    };

    private static readonly string[] SslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

    /// <summary>Adds the connection strings that the URLs stand for.</summary>
    /// <exception cref="InvalidOperationException">
    /// A URL cannot be used. The message is one sentence with the variable's name and without its value.
    /// </exception>
    public static void AddServerUrls(this IConfigurationManager configuration)
    {
        Add(DatabaseConnection, "DATABASE_URL", ToPostgres);
        Add(CacheConnection, "REDIS_URL", ToRedis);

        void Add(string connection, string variable, Func<string, string, string> convert)
        {
            if (configuration[variable] is { Length: > 0 } url && string.IsNullOrEmpty(configuration.GetConnectionString(connection)))
            {
                configuration.AddInMemoryCollection([new($"ConnectionStrings:{connection}", convert(variable, url))]);
            }
        }
    }

    private static string ToPostgres(string variable, string url)
    {
        const string Form = "write postgres://user:password@host:port/database, special characters percent-encoded";

        // 'postgresql+driver' is how Python programs write it.
        var server = Parse(variable, url, Form, scheme =>
            scheme is "postgres" or "postgresql" || scheme.StartsWith("postgresql+", StringComparison.Ordinal));
        var (user, password) = Credentials(server);
        var database = Uri.UnescapeDataString(server.AbsolutePath.TrimStart('/'));
        if (database.Length == 0 || database.Contains('/', StringComparison.Ordinal))
        {
            throw Unusable(variable, "names no database", Form);
        }

        var result = new DbConnectionStringBuilder
        {
            ["Host"] = server.IdnHost,
            ["Port"] = server.Port is -1 ? 5432 : server.Port,
            ["Database"] = database,
        };
        AddIfGiven("Username", user);
        AddIfGiven("Password", password);

        foreach (var (name, value) in Parameters(server))
        {
            if (!PostgresKeywords.TryGetValue(name, out var keyword))
            {
                throw Unusable(variable, $"has the unknown parameter '{name}'", $"known are {string.Join(", ", PostgresKeywords.Keys)}");
            }

            if (name == "sslmode" && !SslModes.Contains(value))
            {
                throw Unusable(variable, "has an unknown sslmode", $"known are {string.Join(", ", SslModes)}");
            }

            result[keyword] = name is "sslmode" or "channel_binding" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return result.ConnectionString;

        void AddIfGiven(string keyword, string value)
        {
            if (value.Length > 0)
            {
                result[keyword] = value;
            }
        }
    }

    private static string ToRedis(string variable, string url)
    {
        const string Form = "write redis://:password@host:port/number, or rediss:// for TLS, special characters percent-encoded";

        var server = Parse(variable, url, Form, scheme => scheme is "redis" or "rediss");
        var (user, password) = Credentials(server);
        if (user.Length > 0 && password.Length == 0)
        {
            throw Unusable(variable, "has a user without a password", Form);
        }

        // A StackExchange.Redis connection string is a list with commas and has no way to quote one.
        if (user.Contains(',', StringComparison.Ordinal) || password.Contains(',', StringComparison.Ordinal)
            || user != user.Trim() || password != password.Trim())
        {
            throw Unusable(variable, "has a comma or an outer space in its user or password", "the client cannot send these: choose others");
        }

        if (Parameters(server).Any())
        {
            throw Unusable(variable, "has parameters", "none are known: " + Form);
        }

        var parts = new List<string> { $"{server.Host}:{(server.Port is -1 ? 6379 : server.Port)}" };

        // The default user is who a password alone signs in.
        if (user is not ("" or "default"))
        {
            parts.Add($"user={user}");
        }

        if (password.Length > 0)
        {
            parts.Add($"password={password}");
        }

        if (server.AbsolutePath.TrimStart('/') is { Length: > 0 } path)
        {
            parts.Add(int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? string.Create(CultureInfo.InvariantCulture, $"defaultDatabase={number}")
                : throw Unusable(variable, "names a database that is no number", Form));
        }

        if (server.Scheme == "rediss")
        {
            parts.Add("ssl=true");
        }

        return string.Join(',', parts);
    }

    private static Uri Parse(string variable, string url, string form, Func<string, bool> isKnown) =>
        Uri.TryCreate(url, UriKind.Absolute, out var server) && isKnown(server.Scheme)
        && server.Host.Length > 0 && server.Port != 0 && server.Fragment.Length == 0
            ? server
            : throw Unusable(variable, "is no URL of such a server", form);

    private static (string User, string Password) Credentials(Uri server)
    {
        var parts = server.UserInfo.Split(':', 2);
        return (Uri.UnescapeDataString(parts[0]), parts is [_, var password] ? Uri.UnescapeDataString(password) : "");
    }

    private static IEnumerable<(string Name, string Value)> Parameters(Uri server) =>
        from pair in server.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        let parts = pair.Split('=', 2)
        select (Uri.UnescapeDataString(parts[0]), parts is [_, var value] ? Uri.UnescapeDataString(value) : "");

    private static InvalidOperationException Unusable(string variable, string what, string remedy) =>
        new($"{variable} {what}: {remedy}.");
}
