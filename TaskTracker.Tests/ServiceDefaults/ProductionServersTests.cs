using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public sealed class ProductionServersTests
{
    [Theory]
    [InlineData("tasktracker", "Host=db.internal;Username=app", "has no password")]
    [InlineData("tasktracker", "Host=db.internal;Username=app;Password=", "has no password")]
    [InlineData("tasktracker", "Host=db.internal;Username=app;PWD=Postgres", "has a password that anybody would try")]
    [InlineData("tasktracker", "Host=db.internal;;;Username", "cannot be read")]
    [InlineData("cache", "cache.internal:6379", "has no password")]
    [InlineData("cache", "cache.internal:6379,password=,ssl=true", "has no password")]
    [InlineData("cache", "cache.internal:6379,password=redis", "has a password that anybody would try")]
    public void Production_refuses_a_server_that_anybody_could_use(string name, string connectionString, string reason)
    {
        var refusal = Assert.Throws<InvalidOperationException>(() => Build("Production", name, connectionString));

        Assert.StartsWith($"ConnectionStrings:{name} {reason}", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("internal", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tasktracker", "Host=db;Username=app;Password=9f2c61d05be3")]
    [InlineData("tasktracker", "Host=db;Username=app;SSL Certificate=/run/secrets/client.pem")]
    [InlineData("tasktracker", "Host=db;Username=app;Passfile=/run/secrets/pgpass")]
    [InlineData("cache", "cache:6380,user=app,password=9f2c61d05be3,ssl=true")]
    public void Production_takes_a_server_with_credentials_as_it_is(string name, string connectionString) =>
        Assert.Equal(connectionString, Build("Production", name, connectionString));

    [Fact]
    public void Elsewhere_any_server_will_do() => Assert.Equal("cache:6379", Build("Development", "cache", "cache:6379"));

    [Theory]
    [InlineData("SSL Mode=Require")]
    [InlineData("SslMode=require")]
    public void Required_encryption_checks_in_Production_whom_it_talks_to(string mode)
    {
        var connection = new Npgsql.NpgsqlConnectionStringBuilder(Build("Production", "tasktracker", $"Host=db;Username=app;Password=9f2c61d05be3;{mode}"));

        Assert.Equal(Npgsql.SslMode.VerifyFull, connection.SslMode);
        Assert.Equal("9f2c61d05be3", connection.Password);
    }

    private static string? Build(string environment, string name, string connectionString)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Configuration[$"ConnectionStrings:{name}"] = connectionString;
        builder.AddServiceDefaults();
        return builder.Configuration.GetConnectionString(name);
    }
}
