using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The launch profile that a project is started with.</summary>
internal sealed class LaunchProfileAnnotation : IResourceAnnotation
{
    private LaunchProfileAnnotation(string name, LaunchProfile profile)
    {
        Name = name;
        Profile = profile;
        Urls = [.. (profile.ApplicationUrl ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(BindingAddress.Parse)
            .GroupBy(address => address.Scheme)
            .SelectMany(group => group.Select((address, index) => (index == 0 ? group.Key : $"{group.Key}{index + 1}", address)))];
    }

    internal string Name { get; }
    internal LaunchProfile Profile { get; }

    /// <summary>The first address of a scheme is named after it, the others are counted from 2.</summary>
    internal IReadOnlyList<(string EndpointName, BindingAddress Address)> Urls { get; }

    /// <exception cref="DistributedApplicationException">The profile that was asked for does not exist.</exception>
    internal static LaunchProfileAnnotation? Find(IProjectMetadata project, ProjectResourceOptions options, IConfiguration configuration)
    {
        if (options.ExcludeLaunchProfile || LaunchSettings.Read(Path.GetDirectoryName(project.ProjectPath)!)?.Profiles is not { } profiles)
        {
            return null;
        }

        if (options.LaunchProfileName is { } asked)
        {
            return profiles.TryGetValue(asked, out var profile) ? new(asked, profile)
                : throw new DistributedApplicationException($"Launch settings file of '{project.ProjectPath}' does not contain '{asked}' profile.");
        }

        var candidates = profiles.Where(profile => profile.Value.CommandName == "Project").ToList();
        var appHosts = configuration["AppHost:DefaultLaunchProfileName"] ?? configuration["DOTNET_LAUNCH_PROFILE"];
        var found = candidates.Find(profile => profile.Key == appHosts) is { Value: not null } same ? same : candidates.FirstOrDefault();
        return found.Value is null ? null : new(found.Key, found.Value);
    }
}
