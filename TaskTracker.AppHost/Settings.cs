using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace TaskTracker.AppHost;

/// <summary>What the AppHost's own configuration says about the services, handed on to them.</summary>
internal static class Settings
{
    private const int MaxReplicas = 16;
    private const string NoDashboard = "--no-dashboard";

    /// <summary>The options of the application; <c>--no-dashboard</c> among the arguments leaves the dashboard out.</summary>
    public static DistributedApplicationOptions OptionsFrom(string[] args) => new()
    {
        Args = [.. args.Where(argument => argument != NoDashboard)],
        DisableDashboard = args.Contains(NoDashboard),
    };

    /// <summary>
    /// Hands the named keys and sections of the AppHost's configuration on as environment variables, so that
    /// <c>dotnet run -- --Reminders:LeadTimes=00:15:00</c> reaches the services.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithSettings(this IResourceBuilder<ProjectResource> service, params string[] names)
    {
        foreach (var name in names)
        {
            foreach (var (key, value) in service.ApplicationBuilder.Configuration.GetSection(name).AsEnumerable())
            {
                if (value is null)
                {
                    continue;
                }

                var variable = key.Replace(":", "__", StringComparison.Ordinal);
                if (key.EndsWith(":Password", StringComparison.OrdinalIgnoreCase))
                {
                    // As a secret the dashboard hides it, and a manifest asks for it instead of holding it.
                    var parameter = key.Replace(':', '-').ToLowerInvariant();
                    service.WithEnvironment(variable, service.ApplicationBuilder.AddParameter(parameter, value, secret: true));
                }
                else
                {
                    service.WithEnvironment(variable, value);
                }
            }
        }

        return service;
    }

    /// <summary>How many of a service run: <c>Replicas:NAME</c>, else <c>Replicas</c>, else one.</summary>
    /// <exception cref="DistributedApplicationException">The number is none, or out of range.</exception>
    public static int Replicas(this IDistributedApplicationBuilder builder, string service)
    {
        var key = builder.Configuration[$"Replicas:{service}"] is null ? "Replicas" : $"Replicas:{service}";
        var text = builder.Configuration[key] ?? "1";
        return int.TryParse(text, out var count) && count is >= 1 and <= MaxReplicas
            ? count
            : throw new DistributedApplicationException($"{key} is '{text}': give a whole number from 1 to {MaxReplicas}.");
    }

    /// <summary>Says which Aspire this build is made of, for whoever has to find out why two machines differ.</summary>
    public static void ReportAspirePackages(this IDistributedApplicationBuilder builder)
    {
        var packages = typeof(Settings).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(metadata => metadata.Key == "AspirePackages").Value;
        Console.WriteLine($"Aspire packages: {packages} (docs/decisions/0001-two-sources-of-aspire.md)");
    }
}
