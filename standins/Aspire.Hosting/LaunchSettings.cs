using System.Text.Json;

namespace Aspire.Hosting;

/// <summary>What Properties/launchSettings.json says.</summary>
public sealed class LaunchSettings
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public Dictionary<string, LaunchProfile> Profiles { get; set; } = [];

    /// <summary>The settings of the project in that folder, or null when it has none.</summary>
    /// <exception cref="DistributedApplicationException">The file is not valid.</exception>
    internal static LaunchSettings? Read(string projectDirectory)
    {
        var file = Path.Combine(projectDirectory, "Properties", "launchSettings.json");
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<LaunchSettings>(File.ReadAllBytes(file), s_json) : null;
        }
        catch (JsonException exception)
        {
            throw new DistributedApplicationException($"The launch settings in '{file}' are not valid: {exception.Message}", exception);
        }
    }
}

/// <summary>One way to start a project.</summary>
public sealed class LaunchProfile
{
    public string? CommandName { get; set; }
    public string? CommandLineArgs { get; set; }
    public string? ApplicationUrl { get; set; }
    public Dictionary<string, string> EnvironmentVariables { get; set; } = [];
}
