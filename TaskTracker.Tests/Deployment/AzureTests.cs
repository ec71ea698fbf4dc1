using System.Text.RegularExpressions;

namespace TaskTracker.Tests.Deployment;

/// <summary>What azd takes from files where it would otherwise go by the manifest: the two must say the same.</summary>
public sealed partial class AzureTests
{
    [Theory]
    [InlineData("api")]
    [InlineData("jobs")]
    public async Task An_app_gets_the_variables_of_the_manifest(string service)
    {
        // With a password for the mail server: without one a manifest asks for none.
        var manifest = await Manifest.PublishAsync("--ExternalRedis=true", "--Email:Password=given");
        var template = await File.ReadAllTextAsync(TemplateOf(service));

        var inManifest = manifest.Resources[service]!["env"]!.AsObject().Select(variable => variable.Key).Order();
        // The identity is Azure's own.
        var inTemplate = Variable().Matches(template).Select(match => match.Groups[1].Value).Except(["AZURE_CLIENT_ID"]).Order();

        Assert.Equal(inManifest, inTemplate);
    }

    [Theory]
    [InlineData("api")]
    [InlineData("jobs")]
    public async Task A_parameter_has_the_default_of_the_manifest(string service)
    {
        var manifest = await Manifest.PublishAsync();
        var template = await File.ReadAllTextAsync(TemplateOf(service));

        foreach (Match parameter in Default().Matches(template))
        {
            var name = parameter.Groups[1].Value.Replace('_', '-');
            if (name is "tasktracker" or "cache" or "email-password")
            {
                // A server of the operator's own, and its secret; without one there is none to name.
                Assert.Equal("", parameter.Groups[2].Value);
                continue;
            }

            Assert.Equal(manifest.Resources[name]?["inputs"]!["value"]!["default"]!["value"]!.GetValue<string>(), parameter.Groups[2].Value);
        }
    }

    [Fact]
    public async Task Every_secret_a_template_asks_for_is_one_that_azd_makes()
    {
        var asked = new HashSet<string>();
        foreach (var service in (string[])["api", "jobs"])
        {
            asked.UnionWith(Secret().Matches(await File.ReadAllTextAsync(TemplateOf(service))).Select(match => match.Groups[1].Value));
        }

        // Deployed as the manifest describes it.
        asked.Add("cache_password");
        var bicep = await File.ReadAllTextAsync(Repository.File("infra/main.bicep"));
        var parameters = await File.ReadAllTextAsync(Repository.File("infra/main.parameters.json"));

        Assert.All(asked, name =>
        {
            Assert.Matches($@"type: 'generate'.*\n@secure\(\)\n(#disable.*\n)?param {name} string\n", bicep);
            Assert.Contains($"\"{name}\": {{ \"value\": \"${{AZURE_{name.ToUpperInvariant()}}}\" }}", parameters, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Every_output_a_template_asks_for_is_one_of_the_infrastructure()
    {
        var outputs = Output().Matches(await File.ReadAllTextAsync(Repository.File("infra/main.bicep"))).Select(match => match.Groups[1].Value).ToList();

        foreach (var service in (string[])["api", "jobs"])
        {
            var asked = Environment().Matches(await File.ReadAllTextAsync(TemplateOf(service))).Select(match => match.Groups[1].Value).Except(["AZURE_LOCATION"]);
            Assert.Empty(asked.Except(outputs));
        }
    }

    private static string TemplateOf(string service) => Repository.File($"TaskTracker.AppHost/infra/{service}.tmpl.yaml");

    // Of the container's variables; rules and secrets are named in small letters with hyphens.
    [GeneratedRegex(@"^          - name: (\w*[A-Z]\w*)$", RegexOptions.Multiline)]
    private static partial Regex Variable();

    [GeneratedRegex("parameterWithDefault \"(\\w+)\" \"([^\"]*)\"")]
    private static partial Regex Default();

    [GeneratedRegex("securedParameter \"(\\w+)\"")]
    private static partial Regex Secret();

    [GeneratedRegex(@"^output (\w+) ", RegexOptions.Multiline)]
    private static partial Regex Output();

    [GeneratedRegex(@"\.Env\.(\w+)")]
    private static partial Regex Environment();
}
