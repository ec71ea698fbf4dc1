using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace StandIns.Tests.Hosting;

public sealed class ProjectTests : IDisposable
{
    private static readonly string s_folder = Directory.CreateTempSubdirectory("standins").FullName;

    public ProjectTests()
    {
        Directory.CreateDirectory(Path.Combine(s_folder, "Properties"));
        File.WriteAllText(Path.Combine(s_folder, "Properties", "launchSettings.json"), """
            {
              // comments are allowed here
              "profiles": {
                "docker": { "commandName": "Docker" },
                "first": { "commandName": "Project", "applicationUrl": "https://localhost:7101;http://localhost:7100", "commandLineArgs": "--seed \"two words\"",
                           "environmentVariables": { "ASPNETCORE_ENVIRONMENT": "Development" } },
                "second": { "commandName": "Project", "applicationUrl": "http://localhost:7200" }
              }
            }
            """);
    }

    public void Dispose() => Directory.Delete(Path.Combine(s_folder, "Properties"), recursive: true);

    [Fact]
    public async Task A_project_takes_endpoints_and_variables_from_its_first_launch_profile()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddProject<Api>("api");
        TestApplication.Allocate(api.Resource, "http", 7100);
        TestApplication.Allocate(api.Resource, "https", 7101);

        var environment = await app.EnvironmentOfAsync(api.Resource);

        Assert.Equal("Development", environment["ASPNETCORE_ENVIRONMENT"]);
        Assert.Equal("first", environment["DOTNET_LAUNCH_PROFILE"]);
        Assert.Equal("https://localhost:{{port https}};http://localhost:{{port http}}", environment["ASPNETCORE_URLS"]);
        Assert.Equal("7101", environment["ASPNETCORE_HTTPS_PORT"]);
        Assert.Equal(7100, api.GetEndpoint("http").EndpointAnnotation.Port);
    }

    [Fact]
    public async Task The_app_hosts_own_launch_profile_is_preferred_and_a_named_one_must_exist()
    {
        await using var app = new TestApplication("DOTNET_LAUNCH_PROFILE=second");

        Assert.Equal(7200, app.Builder.AddProject<Api>("api").GetEndpoint("http").EndpointAnnotation.Port);
        Assert.Contains("'third'", Assert.Throws<DistributedApplicationException>(() => app.Builder.AddProject<Api>("other", "third")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_known_program_a_project_is_started_by_dotnet_run()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddProject<Api>("api");

        var (command, folder, arguments) = ProjectCommandLine.For(api.Resource, appHost: null, []);

        Assert.Equal("dotnet", command);
        Assert.Equal(s_folder, folder);
        Assert.Equal(["run", "--project", new Api().ProjectPath, "--no-build", "--configuration", "Debug", "--no-launch-profile", "--", "--seed", "two words"], arguments);
    }

    [Fact]
    public async Task A_health_check_needs_an_http_endpoint()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddProject<Api>("api", launchProfileName: null);

        Assert.Throws<DistributedApplicationException>(() => api.WithHttpHealthCheck("/health"));
        Assert.Equal("api_http_/health_200_check", api.WithHttpEndpoint().WithHttpHealthCheck("/health").Resource.Annotations.OfType<HealthCheckAnnotation>().Single().Key);
    }

    private sealed class Api : IProjectMetadata
    {
        public string ProjectPath => Path.Combine(s_folder, "Api.csproj");
    }
}
