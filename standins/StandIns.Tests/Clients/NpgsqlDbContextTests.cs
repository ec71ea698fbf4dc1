using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace StandIns.Tests.Clients;

public class NpgsqlDbContextTests
{
    // Nothing listens there: what needs no server is tested here, the rest by the product's own tests.
    private const string Nowhere = "Host=127.0.0.1;Port=1;Username=u;Password=p;Database=d;Timeout=2";

    [Fact]
    public void The_connection_string_is_found_by_name_and_wins_over_the_section()
    {
        using var host = Build(
            ("ConnectionStrings:tasks", Nowhere),
            ("Aspire:Npgsql:EntityFrameworkCore:PostgreSQL:ConnectionString", "Host=elsewhere"));
        using var scope = host.Services.CreateScope();

        var db = scope.ServiceProvider.GetRequiredService<Tasks>();

        Assert.Contains("Port=1", db.Database.GetConnectionString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_connection_string_the_context_says_where_to_give_it()
    {
        using var host = Build();
        using var scope = host.Services.CreateScope();

        var problem = Assert.Throws<InvalidOperationException>(() => scope.ServiceProvider.GetRequiredService<Tasks>());

        Assert.Contains("ConnectionStrings:tasks", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_are_retried_and_limited_in_time_as_the_section_of_the_context_says()
    {
        using var host = Build(
            ("ConnectionStrings:tasks", Nowhere),
            ("Aspire:Npgsql:EntityFrameworkCore:PostgreSQL:CommandTimeout", "7"),
            ("Aspire:Npgsql:EntityFrameworkCore:PostgreSQL:Tasks:CommandTimeout", "11"));
        using var scope = host.Services.CreateScope();

        var db = scope.ServiceProvider.GetRequiredService<Tasks>();

        Assert.True(db.Database.CreateExecutionStrategy().RetriesOnFailure);
        Assert.Equal(11, db.Database.GetCommandTimeout());
    }

    [Fact]
    public void Retries_can_be_turned_off()
    {
        using var host = Build(
            ("ConnectionStrings:tasks", Nowhere), ("Aspire:Npgsql:EntityFrameworkCore:PostgreSQL:DisableRetry", "true"));
        using var scope = host.Services.CreateScope();

        Assert.False(scope.ServiceProvider.GetRequiredService<Tasks>().Database.CreateExecutionStrategy().RetriesOnFailure);
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_unhealthy_under_the_name_of_its_context()
    {
        using var host = Build(
            ("ConnectionStrings:tasks", Nowhere), ("Aspire:Npgsql:EntityFrameworkCore:PostgreSQL:DisableRetry", "true"));

        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        Assert.Equal(HealthStatus.Unhealthy, report.Entries["Tasks"].Status);
    }

    [Fact]
    public void In_development_a_second_registration_is_refused()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { EnvironmentName = "Development" });
        builder.AddNpgsqlDbContext<Tasks>("tasks");

        Assert.Throws<InvalidOperationException>(() => builder.AddNpgsqlDbContext<Tasks>("tasks"));
    }

    private static IHost Build(params (string Key, string Value)[] configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(configuration.ToDictionary(pair => pair.Key, pair => (string?)pair.Value));
        builder.AddNpgsqlDbContext<Tasks>("tasks");
        return builder.Build();
    }

    private sealed class Tasks(DbContextOptions<Tasks> options) : DbContext(options);
}
