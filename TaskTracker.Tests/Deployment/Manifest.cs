using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using TaskTracker.AppHost;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.Deployment;

/// <summary>The manifest of a deployment, written by the AppHost as azd has it written: by its program, which starts nothing.</summary>
internal sealed partial class Manifest
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private Manifest(JsonObject resources, string output)
    {
        Resources = resources;
        Output = output;
    }

    public JsonObject Resources { get; }

    /// <summary>What the AppHost said.</summary>
    public string Output { get; }

    /// <summary>Publishes with settings such as <c>ExternalRedis=true</c>.</summary>
    public static async Task<Manifest> PublishAsync(params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("manifest").FullName;
        try
        {
            var file = Path.Combine(folder, "aspire-manifest.json");
            var result = await RunAsync([.. settings, "--publisher", "manifest", "--output-path", file]);
            Assert.True(result.ExitCode == 0, result.Output);

            return new((JsonObject)JsonNode.Parse(await File.ReadAllTextAsync(file))!["resources"]!, result.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs the AppHost's program to its end.</summary>
    public static Task<ToolResult> RunAsync(params string[] args) => Tool.RunAsync(
        "dotnet",
        ["exec", typeof(Settings).Assembly.Location, "--AllowStandInPublish=true", .. args],
        s_limit,
        CancellationToken.None,
        // As azd does; elsewhere it would find other settings.
        Repository.File("TaskTracker.AppHost"),
        environment: new Dictionary<string, string> { ["DOTNET_ENVIRONMENT"] = "Production" });

    /// <summary>The environment variables of a service, with every expression evaluated as a deployment tool does it.</summary>
    /// <param name="service">The resource's name.</param>
    /// <param name="values">What the operator gives, or the platform decides, by expression: <c>tasktracker.value</c>.</param>
    public Dictionary<string, string> EnvironmentOf(string service, IReadOnlyDictionary<string, string> values) =>
        Resources[service]!["env"]!.AsObject().ToDictionary(variable => variable.Key, variable => Evaluate(variable.Value!.GetValue<string>(), values));

    /// <summary>A value for each parameter that has none of its own and that is to be generated.</summary>
    public Dictionary<string, string> Generate() =>
        (from resource in Resources
         let generate = resource.Value?["inputs"]?["value"]?["default"]?["generate"]
         where generate is not null
         select KeyValuePair.Create($"{resource.Key}.value", Random(generate["minLength"]!.GetValue<int>())))
        .ToDictionary();

    private static string Random(int length) => RandomNumberGenerator.GetString("ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz0123456789", length);

    private string Evaluate(string text, IReadOnlyDictionary<string, string> values) => Expression().Replace(text, match =>
    {
        var expression = match.Groups[1].Value;
        if (values.TryGetValue(expression, out var value))
        {
            return value;
        }

        var (name, property) = (expression.Split('.')[0], expression.Split('.', 2)[1]);
        var resource = Resources[name] ?? throw new InvalidOperationException($"The manifest has no resource '{name}'.");
        return property is "value" && resource["inputs"]?["value"]?["default"]?["value"] is { } @default
            ? @default.GetValue<string>()
            : Evaluate(resource[property]?.GetValue<string>() ?? throw new InvalidOperationException($"'{expression}' has no value."), values);
    });

    [GeneratedRegex(@"\{([\w-]+\.[\w.-]+)\}")]
    private static partial Regex Expression();
}
