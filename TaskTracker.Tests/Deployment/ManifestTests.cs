using System.Text.Json;
using System.Text.Json.Nodes;

namespace TaskTracker.Tests.Deployment;

public sealed class ManifestTests
{
    // azd 1.31 stops at any other: cli/azd/pkg/apphost/generate.go in Azure/azure-dev.
    private static readonly string[] s_typesOfAzd =
        ["annotated.string", "azure.bicep.v0", "azure.bicep.v1", "container.v0", "container.v1", "dockerfile.v0", "parameter.v0", "project.v0", "project.v1", "value.v0"];

    [Fact]
    public async Task The_manifest_is_the_reviewed_one()
    {
        var manifest = await Manifest.PublishAsync();
        foreach (var project in (string[])["api", "jobs"])
        {
            // As seen from the manifest's folder, which is another in each run.
            manifest.Resources[project]!["path"] = Path.GetFileName(manifest.Resources[project]!["path"]!.GetValue<string>());
        }

        var reviewed = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Deployment", "manifest.json")));

        Assert.True(
            JsonNode.DeepEquals(reviewed, manifest.Resources),
            $"The manifest has changed. Review it, and if it is right make it TaskTracker.Tests/Deployment/manifest.json:\n{manifest.Resources.ToJsonString(new JsonSerializerOptions { WriteIndented = true })}");
    }

    [Fact]
    public async Task Only_the_api_can_be_reached_from_outside()
    {
        var manifest = await Manifest.PublishAsync("--AllowEphemeralDatabase=true");

        var open =
            from resource in manifest.Resources
            where resource.Value?["bindings"] is JsonObject bindings && bindings.Any(binding => binding.Value?["external"]?.GetValue<bool>() == true)
            select resource.Key;

        Assert.Equal(["api"], open);
    }

    [Theory]
    [InlineData]
    [InlineData("--ExternalRedis=true")]
    [InlineData("--AllowEphemeralDatabase=true")]
    public async Task It_holds_only_what_azd_can_deploy(params string[] settings)
    {
        var manifest = await Manifest.PublishAsync(settings);

        Assert.All(manifest.Resources, resource => Assert.Contains(resource.Value!["type"]!.GetValue<string>(), s_typesOfAzd));
        // azd refuses a secret with a default, and would ask for one that nobody needs.
        Assert.All(
            manifest.Resources.Where(resource => resource.Value!["inputs"]?["value"]?["secret"] is not null),
            secret => Assert.Null(secret.Value!["inputs"]!["value"]!["default"]?["value"]));
        // A volume on Container Apps is a file share, which PostgreSQL cannot use.
        Assert.All(manifest.Resources, resource => Assert.Null(resource.Value!["volumes"]));
    }

    [Fact]
    public async Task A_database_that_dies_with_its_container_takes_a_switch_and_warns()
    {
        var external = await Manifest.PublishAsync();
        var ephemeral = await Manifest.PublishAsync("--AllowEphemeralDatabase=true");

        Assert.Equal("parameter.v0", external.Resources["tasktracker"]!["type"]!.GetValue<string>());
        Assert.DoesNotContain("Warning", external.Output, StringComparison.Ordinal);
        Assert.Equal("container.v0", ephemeral.Resources["postgres"]!["type"]!.GetValue<string>());
        Assert.Contains("all data is gone whenever it restarts", ephemeral.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redis_of_the_operators_own_takes_the_place_of_the_container()
    {
        var manifest = await Manifest.PublishAsync("--ExternalRedis=true");

        Assert.Equal("parameter.v0", manifest.Resources["cache"]!["type"]!.GetValue<string>());
        Assert.Equal("{cache.connectionString}", manifest.Resources["api"]!["env"]!["ConnectionStrings__cache"]!.GetValue<string>());
    }

    [Fact]
    public async Task What_the_AppHost_is_told_becomes_the_default_of_the_parameter()
    {
        var manifest = await Manifest.PublishAsync("--Reminders:LeadTimes=00:15:00", "--RateLimits:PerUser=50");

        Assert.Equal("00:15:00", manifest.Resources["reminders-lead-times"]!["inputs"]!["value"]!["default"]!["value"]!.GetValue<string>());
        Assert.Equal("50", manifest.EnvironmentOf("api", new Dictionary<string, string>(manifest.Generate())
        {
            ["tasktracker.value"] = "Host=database",
            ["api.bindings.http.targetPort"] = "8080",
            ["cache.bindings.tcp.host"] = "cache",
            ["cache.bindings.tcp.port"] = "6379",
            ["cache.bindings.tcp.scheme"] = "redis",
            ["cache-password-uri-encoded.value"] = "secret",
        })["RateLimits__PerUser"]);
    }

    [Fact]
    public async Task A_switch_that_is_neither_on_nor_off_is_refused_in_one_sentence()
    {
        var result = await Manifest.RunAsync("--publisher", "manifest", "--output-path", "never.json", "--ExternalRedis=perhaps");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("ExternalRedis is 'perhaps': set it to true or false.", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Output, StringComparison.Ordinal);
    }
}
