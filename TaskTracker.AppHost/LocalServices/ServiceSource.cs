using System.Reflection;
using Microsoft.Extensions.Configuration;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>Where a database or cache server comes from.</summary>
internal enum ServiceSource
{
    /// <summary>A server of the user's own, named by a connection string or a URL.</summary>
    Named,

    /// <summary>A container that Aspire declares.</summary>
    Container,

    /// <summary>A process of the AppHost's.</summary>
    Process,
}

/// <summary>Decides where servers come from: <c>LocalServices:Mode</c> (auto, process or container) and what is named.</summary>
internal static class ServiceSources
{
    private const string ModeKey = "LocalServices:Mode";
    private static readonly TimeSpan RuntimeLimit = TimeSpan.FromSeconds(10);
    private static readonly Lazy<bool> HasContainerRuntime = new(() => new[] { "docker", "podman" }.Any(IsRunning));

    // What the build was made of, written down by the project file. Containers need all of Aspire's hosting.
    private static readonly bool IsOfficialAspire = typeof(ServiceSources).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Any(metadata => metadata is { Key: "AspirePackages", Value: "official" });

    /// <summary>Where the server of the connection <paramref name="name"/> comes from.</summary>
    /// <exception cref="LocalServiceException">The mode is unknown or not to be had in this build, or a URL cannot be used.</exception>
    public static ServiceSource Of(IDistributedApplicationBuilder builder, string name)
    {
        try
        {
            builder.Configuration.AddServerUrls();
        }
        catch (InvalidOperationException e)
        {
            throw new LocalServiceException(e.Message);
        }

        return string.IsNullOrEmpty(builder.Configuration.GetConnectionString(name))
            ? Decide(builder.Configuration[ModeKey], IsOfficialAspire, () => HasContainerRuntime.Value)
            : ServiceSource.Named;
    }

    internal static ServiceSource Decide(string? mode, bool isOfficialAspire, Func<bool> hasContainerRuntime) => mode?.ToLowerInvariant() switch
    {
        "process" => ServiceSource.Process,
        "container" when isOfficialAspire => ServiceSource.Container,
        "container" => throw new LocalServiceException(
            $"{ModeKey} is 'container', which needs the official Aspire packages: set it to 'process', or build with AspirePackages=official where the package feed serves them."),
        null or "" or "auto" => isOfficialAspire && hasContainerRuntime() ? ServiceSource.Container : ServiceSource.Process,
        _ => throw new LocalServiceException($"{ModeKey} is '{mode}': set it to 'auto', 'process' or 'container'."),
    };

    private static bool IsRunning(string runtime)
    {
        try
        {
            return Tool.Find(runtime) is { } program
                && Tool.RunAsync(program, ["info"], RuntimeLimit, CancellationToken.None).GetAwaiter().GetResult().ExitCode == 0;
        }
        catch (LocalServiceException)
        {
            // A client that waits for a daemon which does not answer.
            return false;
        }
    }
}
