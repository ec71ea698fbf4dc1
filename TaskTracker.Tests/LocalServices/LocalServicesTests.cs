using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

public sealed class LocalServicesTests
{
    [Theory]
    [InlineData(null, true, true, nameof(ServiceSource.Container))]
    [InlineData("auto", true, false, nameof(ServiceSource.Process))]
    [InlineData("auto", false, true, nameof(ServiceSource.Process))]
    [InlineData("Process", true, true, nameof(ServiceSource.Process))]
    [InlineData("container", true, false, nameof(ServiceSource.Container))]
    public void The_mode_decides_with_what_the_build_and_the_machine_offer(string? mode, bool isOfficialAspire, bool hasContainerRuntime, string expected) =>
        Assert.Equal(expected, ServiceSources.Decide(mode, isOfficialAspire, () => hasContainerRuntime).ToString());

    [Fact]
    public void Containers_without_the_official_packages_are_refused_with_what_to_set()
    {
        var refusal = Assert.Throws<LocalServiceException>(() => ServiceSources.Decide("container", isOfficialAspire: false, () => true));

        Assert.Contains("set it to 'process'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_mode_is_refused_with_the_known_ones()
    {
        var refusal = Assert.Throws<LocalServiceException>(() => ServiceSources.Decide("vm", isOfficialAspire: true, () => true));

        Assert.Equal("LocalServices:Mode is 'vm': set it to 'auto', 'process' or 'container'.", refusal.Message);
    }

    [Fact]
    public async Task A_connection_string_names_a_server_of_ones_own_and_nothing_is_started()
    {
        var builder = CreateBuilder("--ConnectionStrings:tasktracker=Host=db.example;Database=tasks", "--ConnectionStrings:cache=redis.example:6380,ssl=true");

        var database = builder.AddDatabase("tasktracker");
        var cache = builder.AddCache("cache");

        Assert.Equal("Host=db.example;Database=tasks", await database.Resource.GetConnectionStringAsync());
        Assert.Equal("redis.example:6380,ssl=true", await cache.Resource.GetConnectionStringAsync());
        Assert.Empty(builder.Resources.OfType<ExecutableResource>());
        Assert.All([database.Resource, cache.Resource], server => Assert.Single(server.Annotations.OfType<HealthCheckAnnotation>()));
    }

    [Fact]
    public async Task A_URL_names_one_as_well()
    {
        var builder = CreateBuilder("--DATABASE_URL=postgres://db.example/tasks", "--REDIS_URL=rediss://redis.example");

        Assert.Equal("Host=db.example;Port=5432;Database=tasks", await builder.AddDatabase("tasktracker").Resource.GetConnectionStringAsync(), ignoreCase: true);
        Assert.Equal("redis.example:6379,ssl=true", await builder.AddCache("cache").Resource.GetConnectionStringAsync());
    }

    [Fact]
    public void A_URL_that_cannot_be_used_is_refused_by_its_variable()
    {
        var refusal = Assert.Throws<LocalServiceException>(() => CreateBuilder("--REDIS_URL=http://redis.example").AddCache("cache"));

        Assert.StartsWith("REDIS_URL ", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tasktracker", "Host=db.example;Passwort=secret")]
    [InlineData("cache", ":6379,password=secret")]
    public void A_connection_string_that_is_none_is_refused_by_its_name_and_without_its_secret(string name, string value)
    {
        var builder = CreateBuilder($"--ConnectionStrings:{name}={value}");

        var refusal = Assert.Throws<LocalServiceException>(() => name == "cache" ? builder.AddCache(name) : builder.AddDatabase(name));

        Assert.StartsWith($"ConnectionStrings__{name} is no connection string", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void As_processes_they_have_an_endpoint_a_health_check_and_a_connection_string_of_both()
    {
        var builder = CreateBuilder("--LocalServices:Mode=process");

        var database = builder.AddDatabase("tasktracker");
        var cache = builder.AddCache("cache");

        Assert.Equal(
            "Host={tasktracker.bindings.tcp.host};Port={tasktracker.bindings.tcp.port};Username=postgres;Password={tasktracker-password.value};Database=tasktracker",
            database.Resource.ConnectionStringExpression.ValueExpression);
        Assert.Equal(
            "{cache.bindings.tcp.host}:{cache.bindings.tcp.port},password={cache-password.value}", cache.Resource.ConnectionStringExpression.ValueExpression);
        Assert.All(builder.Resources.OfType<LocalServerResource>(), server => Assert.Single(server.Annotations.OfType<HealthCheckAnnotation>()));
        Assert.All(builder.Resources.OfType<LocalServerResource>(), server => Assert.True(server.Password.Secret));
    }

    private static IDistributedApplicationBuilder CreateBuilder(params string[] arguments) =>
        DistributedApplication.CreateBuilder(new DistributedApplicationOptions { Args = arguments, DisableDashboard = true });
}
