using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging.Abstractions;

namespace StandIns.Tests.Hosting;

public class ReferenceTests
{
    [Fact]
    public async Task An_expression_is_text_at_run_time_and_a_formula_in_the_manifest()
    {
        await using var app = new TestApplication();
        var password = app.Builder.AddParameter("secret", "p@ss", secret: true);
        var server = app.Builder.AddExecutable("server", "server", ".").WithEndpoint(name: "tcp", port: 7000);
        var expression = ReferenceExpression.Create($"at={server.GetEndpoint("tcp").Property(EndpointProperty.HostAndPort)};pw={password};uri={password.Resource:uri};{{literal}}");

        var value = expression.GetValueAsync(app.Limit);
        Assert.False(value.IsCompleted);
        TestApplication.Allocate(server.Resource, "tcp", 7000);

        Assert.Equal("at=localhost:7000;pw=p@ss;uri=p%40ss;{literal}", await value);
        Assert.Equal("at={server.bindings.tcp.host}:{server.bindings.tcp.port};pw={secret.value};uri={secret.value};{literal}", expression.ValueExpression);
    }

    [Fact]
    public async Task An_empty_expression_has_no_value() => Assert.Null(await ReferenceExpression.Empty.GetValueAsync(default));

    [Fact]
    public async Task A_reference_to_a_database_hands_over_its_connection_string_and_its_parts()
    {
        await using var app = new TestApplication();
        var server = app.Builder.AddPostgres("pg", password: app.Builder.AddParameter("pw", "secret", secret: true));
        var database = server.AddDatabase("tasks", "task_tracker");
        var api = app.Builder.AddExecutable("api", "api", ".").WithReference(database);
        TestApplication.Allocate(server.Resource, "tcp", 5433);

        var environment = await app.EnvironmentOfAsync(api.Resource);

        Assert.Equal("Host=localhost;Port=5433;Username=postgres;Password=secret;Database=task_tracker", environment["ConnectionStrings__tasks"]);
        Assert.Equal("localhost", environment["TASKS_HOST"]);
        Assert.Equal("5433", environment["TASKS_PORT"]);
        Assert.Equal("task_tracker", environment["TASKS_DATABASENAME"]);
        Assert.Equal("postgresql://postgres:secret@localhost:5433/task_tracker", environment["TASKS_URI"]);
    }

    [Fact]
    public async Task A_reference_to_a_service_hands_over_its_endpoints_for_discovery_and_plainly()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddProject<NoLaunchProfile>("api", launchProfileName: null).WithHttpEndpoint().WithHttpEndpoint(name: "admin");
        var jobs = app.Builder.AddExecutable("jobs", "jobs", ".").WithReference(api);
        TestApplication.Allocate(api.Resource, "http", 8000);
        TestApplication.Allocate(api.Resource, "admin", 8001);

        var environment = await app.EnvironmentOfAsync(jobs.Resource);

        Assert.Equal("http://localhost:8000", environment["services__api__http__0"]);
        Assert.Equal("http://localhost:8000", environment["API_HTTP"]);
        Assert.Equal("http://localhost:8001", environment["services__api__admin__0"]);
    }

    [Fact]
    public async Task Values_that_a_secret_is_part_of_are_secrets_and_addresses_are_not()
    {
        await using var app = new TestApplication();
        var redis = app.Builder.AddRedis("cache");
        var api = app.Builder.AddExecutable("api", "api", ".").WithReference(redis).WithEnvironment("ADDRESS", redis.GetEndpoint("tcp")).WithEnvironment("PLAIN", "text");
        TestApplication.Allocate(redis.Resource, "tcp", 6380);

        var configuration = await ResourceConfiguration.EvaluateAsync(api.Resource, app.Builder.ExecutionContext, NullLogger.Instance, app.Limit);

        var secrets = configuration.Environment.Where(variable => variable.IsSecret).Select(variable => variable.Name).Order();
        Assert.Equal(["CACHE_PASSWORD", "CACHE_URI", "ConnectionStrings__cache"], secrets);
    }

    [Fact]
    public async Task A_required_connection_string_that_is_empty_is_an_error_that_names_the_resource()
    {
        await using var app = new TestApplication("ConnectionStrings:tasks=");
        var tasks = app.Builder.AddConnectionString("tasks");
        var required = app.Builder.AddExecutable("required", "x", ".").WithReference(tasks);
        var optional = app.Builder.AddExecutable("optional", "x", ".").WithReference(tasks, optional: true);

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.EnvironmentOfAsync(required.Resource));

        Assert.Contains("'tasks'", error.Message, StringComparison.Ordinal);
        Assert.Equal("", (await app.EnvironmentOfAsync(optional.Resource))["ConnectionStrings__tasks"]);
    }

    internal sealed class NoLaunchProfile : IProjectMetadata
    {
        public string ProjectPath => Path.Combine(Path.GetTempPath(), "nowhere", "Api.csproj");
    }
}
