using System.Reflection;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>What is started for a project: its program, if the build said where that is, else 'dotnet run' on it.</summary>
internal static class ProjectCommandLine
{
    /// <param name="project">The project.</param>
    /// <param name="appHost">The AppHost, which was built together with its projects.</param>
    /// <param name="arguments">The arguments that the AppHost declared; without any, those of the launch profile are used.</param>
    internal static (string Command, string WorkingDirectory, IReadOnlyList<string> Arguments) For(ProjectResource project, Assembly? appHost, IReadOnlyList<string> arguments)
    {
        var path = project.Annotations.OfType<IProjectMetadata>().LastOrDefault()?.ProjectPath
            ?? throw new DistributedApplicationException($"Project metadata was not found for resource '{project.Name}'.");
        if (arguments.Count == 0 && project.TryGetLastAnnotation<LaunchProfileAnnotation>(out var profile))
        {
            arguments = Split(profile.Profile.CommandLineArgs ?? "");
        }

        var program = appHost?.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(metadata => metadata.Key == $"AspireProgram:{path}")?.Value;
        var configuration = appHost?.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration is { Length: > 0 } name ? name : "Debug";
        IReadOnlyList<string> start = program is not null && File.Exists(program)
            ? [program]
            : ["run", "--project", path, "--no-build", "--configuration", configuration, "--no-launch-profile", "--"];
        return ("dotnet", Path.GetDirectoryName(path)!, [.. start, .. arguments]);
    }

    // As 'dotnet run' reads commandLineArgs: by blanks, but for those in double quotes.
    private static List<string> Split(string line)
    {
        var arguments = new List<string>();
        for (var rest = line.AsSpan().Trim(); !rest.IsEmpty; rest = rest.TrimStart())
        {
            var isQuoted = rest[0] == '"';
            rest = isQuoted ? rest[1..] : rest;
            var end = rest.IndexOf(isQuoted ? '"' : ' ');
            arguments.Add((end < 0 ? rest : rest[..end]).ToString());
            rest = end < 0 ? [] : rest[(end + 1)..];
        }

        return arguments;
    }
}
