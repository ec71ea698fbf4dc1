using System.Data.Common;
using Microsoft.Extensions.Configuration;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public class ServerUrlsTests
{
    [Theory]
    [InlineData("postgres://u:p@db.example.org/tasks", "db.example.org", "5432", "u", "p", "tasks")]
    [InlineData("postgresql://u:p@db:6543/tasks", "db", "6543", "u", "p", "tasks")]
    [InlineData("postgresql+asyncpg://u:p@db/tasks", "db", "5432", "u", "p", "tasks")]
    [InlineData("postgres://u%40x:p%2F%3A%40%3B%27%22%20+%25@db/my%20tasks", "db", "5432", "u@x", "p/:@;'\" +%", "my tasks")]
    [InlineData("postgres://u:a:b@[::1]:6543/tasks", "::1", "6543", "u", "a:b", "tasks")]
    [InlineData("postgres://127.0.0.1/tasks", "127.0.0.1", "5432", null, null, "tasks")]
    public void A_database_url_becomes_its_connection_string(
        string url, string host, string port, string? user, string? password, string database)
    {
        var found = Database(url);

        Assert.Equal(host, found["Host"]);
        Assert.Equal(port, found["Port"]);
        Assert.Equal(user, found.TryGetValue("Username", out var name) ? name : null);
        Assert.Equal(password, found.TryGetValue("Password", out var secret) ? secret : null);
        Assert.Equal(database, found["Database"]);
    }

    [Theory]
    [InlineData("sslmode=verify-full", "SSL Mode", "verifyfull")]
    [InlineData("sslmode=require&application_name=a%26b", "Application Name", "a&b")]
    [InlineData("connect_timeout=7", "Timeout", "7")]
    public void Parameters_of_a_database_url_are_kept(string query, string keyword, string value) =>
        Assert.Equal(value, Database($"postgres://u:p@db/tasks?{query}")[keyword]);

    [Fact]
    public void Npgsql_understands_what_a_database_url_becomes()
    {
        var found = new Npgsql.NpgsqlConnectionStringBuilder(Database(
            "postgres://u:p%3B%27@[::1]:6543/tasks?sslmode=verify-full&channel_binding=require").ConnectionString);

        Assert.Equal(Npgsql.SslMode.VerifyFull, found.SslMode);
        Assert.Equal(Npgsql.ChannelBinding.Require, found.ChannelBinding);
        Assert.Equal("p;'", found.Password);
        Assert.Equal("::1", found.Host);
    }

    [Theory]
    [InlineData("redis://cache.example.org", "cache.example.org:6379")]
    [InlineData("redis://:p%40ss@cache:6380/3", "cache:6380,password=p@ss,defaultDatabase=3")]
    [InlineData("redis://default:p@cache", "cache:6379,password=p")]
    [InlineData("redis://me:p@cache/", "cache:6379,user=me,password=p")]
    [InlineData("rediss://:p%3D@cache/0", "cache:6379,password=p=,defaultDatabase=0,ssl=true")]
    [InlineData("redis://[::1]:6380", "[::1]:6380")]
    public void A_redis_url_becomes_its_connection_string(string url, string expected) =>
        Assert.Equal(expected, Configure(("REDIS_URL", url)).GetConnectionString("cache"));

    [Theory]
    [InlineData("DATABASE_URL", "topsecret")]
    [InlineData("DATABASE_URL", "mysql://u:topsecret@db/tasks")]
    [InlineData("DATABASE_URL", "sqlite:///topsecret.db")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret@db")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret@db/a/b")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret@db:99999/tasks")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret#@db/tasks")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret/@db/tasks")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret@db/tasks?sslmode=maybe")]
    [InlineData("DATABASE_URL", "postgres://u:topsecret@db/tasks?service=other")]
    [InlineData("REDIS_URL", "localhost:6379,password=topsecret")]
    [InlineData("REDIS_URL", "http://:topsecret@cache")]
    [InlineData("REDIS_URL", "redis://topsecret@cache")]
    [InlineData("REDIS_URL", "redis://:topsecret%2C@cache")]
    [InlineData("REDIS_URL", "redis://:topsecret@cache/first")]
    [InlineData("REDIS_URL", "redis://:topsecret@cache/-1")]
    [InlineData("REDIS_URL", "redis://:topsecret@cache?ssl_cert_reqs=none")]
    public void An_unusable_url_is_one_sentence_with_its_variable_and_without_its_secret(string variable, string url)
    {
        var problem = Assert.Throws<InvalidOperationException>(() => Configure((variable, url)));

        Assert.StartsWith(variable, problem.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", problem.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_string_given_itself_wins() =>
        Assert.Equal("Host=mine", Configure(
            ("DATABASE_URL", "postgres://u:p@db/tasks"), ("ConnectionStrings:tasktracker", "Host=mine"))
            .GetConnectionString("tasktracker"));

    [Fact]
    public void Without_a_url_nothing_is_added() =>
        Assert.Null(Configure(("DATABASE_URL", "")).GetConnectionString("tasktracker"));

    private static DbConnectionStringBuilder Database(string url) =>
        new() { ConnectionString = Configure(("DATABASE_URL", url)).GetConnectionString("tasktracker") };

    private static ConfigurationManager Configure(params (string Key, string Value)[] given)
    {
        var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection(given.ToDictionary(pair => pair.Key, pair => (string?)pair.Value));
        configuration.AddServerUrls();
        return configuration;
    }
}
