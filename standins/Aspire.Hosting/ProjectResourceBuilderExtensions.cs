using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>.NET projects, started as 'dotnet run' would.</summary>
public static class ProjectResourceBuilderExtensions
{
    /// <summary>Adds a project; its launch profile is that of the AppHost's name, else its first.</summary>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name) where TProject : IProjectMetadata, new() =>
        builder.AddProject(name, new TProject(), new ProjectResourceOptions());

    /// <summary>Adds a project with that launch profile, or without any when it is null.</summary>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name, string? launchProfileName) where TProject : IProjectMetadata, new() =>
        builder.AddProject(name, new TProject(), new ProjectResourceOptions { LaunchProfileName = launchProfileName, ExcludeLaunchProfile = launchProfileName is null });

    /// <summary>Adds a project.</summary>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name, Action<ProjectResourceOptions> configure) where TProject : IProjectMetadata, new()
    {
        var options = new ProjectResourceOptions();
        configure(options);
        return builder.AddProject(name, new TProject(), options);
    }

    /// <summary>How many instances run; the orchestrator spreads connections over them.</summary>
    public static IResourceBuilder<ProjectResource> WithReplicas(this IResourceBuilder<ProjectResource> builder, int replicas)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(replicas, 1);
        return builder.WithAnnotation(new ReplicaAnnotation(replicas), ResourceAnnotationMutationBehavior.Replace);
    }

    private static IResourceBuilder<ProjectResource> AddProject(this IDistributedApplicationBuilder builder, string name, IProjectMetadata metadata, ProjectResourceOptions options)
    {
        var profile = LaunchProfileAnnotation.Find(metadata, options, builder.Configuration);
        var project = builder.AddResource(new ProjectResource(name)).WithAnnotation(metadata).WithOtlpExporter();
        if (profile is not null)
        {
            project.WithAnnotation(profile);
        }

        return builder.ExecutionContext.IsPublishMode ? project.WithPublishedDefaults(profile) : project.WithRunDefaults(profile, builder.Environment.IsDevelopment());
    }

    private static IResourceBuilder<ProjectResource> WithRunDefaults(this IResourceBuilder<ProjectResource> project, LaunchProfileAnnotation? profile, bool isDevelopment)
    {
        project
            .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory")
            .WithEnvironment("LOGGING__CONSOLE__FORMATTERNAME", "simple")
            .WithEnvironment("DOTNET_SYSTEM_CONSOLE_ALLOW_ANSI_COLOR_REDIRECTION", "true");
        if (isDevelopment)
        {
            project
                .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION", "true")
                .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION", "true");
        }

        if (profile is not null)
        {
            foreach (var url in profile.Urls)
            {
                project.WithEndpoint(url.EndpointName, endpoint =>
                {
                    endpoint.UriScheme = url.Address.Scheme;
                    endpoint.Port = url.Address.Port == 0 ? null : url.Address.Port;
                    endpoint.TargetHost = url.Address.Host;
                    endpoint.FromLaunchProfile = true;
                });
            }

            project.WithEnvironment(context =>
            {
                context.EnvironmentVariables.TryAdd("DOTNET_LAUNCH_PROFILE", profile.Name);
                foreach (var (variable, value) in profile.Profile.EnvironmentVariables)
                {
                    context.EnvironmentVariables.TryAdd(variable, Environment.ExpandEnvironmentVariables(value));
                }
            });
        }

        return project.WithEnvironment(context => TellWhereToListen(context, project.Resource));
    }

    // The deployment terminates TLS and says where to listen; a launch profile's ports are a developer's.
    private static IResourceBuilder<ProjectResource> WithPublishedDefaults(this IResourceBuilder<ProjectResource> project, LaunchProfileAnnotation? profile)
    {
        EndpointAnnotation? defaultHttps = null;
        if (profile is { Urls.Count: > 0 })
        {
            project.WithEndpoint("http", endpoint => endpoint.UriScheme = "http");
            project.WithEndpoint("https", endpoint =>
            {
                endpoint.UriScheme = "https";
                defaultHttps = endpoint;
            });
        }

        return project.WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory").WithEnvironment(context =>
        {
            var endpoints = project.Resource.GetEndpoints().ToList();
            if (endpoints.Count > 0)
            {
                context.EnvironmentVariables["ASPNETCORE_FORWARDEDHEADERS_ENABLED"] = "true";
            }

            foreach (var (variable, scheme) in new[] { ("HTTP_PORTS", "http"), ("HTTPS_PORTS", "https") })
            {
                var ports = Joined(endpoints.Where(endpoint => endpoint.Scheme == scheme && endpoint.EndpointAnnotation != defaultHttps), (text, endpoint) => text.Append($"{endpoint.Property(EndpointProperty.TargetPort)}"));
                if (!ports.IsEmpty)
                {
                    context.EnvironmentVariables.TryAdd(variable, ports.Build());
                }
            }
        });
    }

    private static void TellWhereToListen(EnvironmentCallbackContext context, ProjectResource project)
    {
        var endpoints = project.GetEndpoints().Where(endpoint => endpoint.IsHttp || endpoint.IsHttps).ToList();
        var urls = Joined(endpoints, (text, endpoint) => text.Append($"{endpoint.Property(EndpointProperty.Scheme)}://{endpoint.EndpointAnnotation.TargetHost}:{endpoint.Property(EndpointProperty.TargetPort)}"));
        if (urls.IsEmpty || !context.EnvironmentVariables.TryAdd("ASPNETCORE_URLS", urls.Build()))
        {
            return;
        }

        if (endpoints.FirstOrDefault(endpoint => endpoint.IsHttps) is { } https)
        {
            // A redirect must lead to the proxy, not to the process behind it.
            context.EnvironmentVariables["ASPNETCORE_HTTPS_PORT"] = https.Property(EndpointProperty.Port);
        }
    }

    private static ReferenceExpressionBuilder Joined(IEnumerable<EndpointReference> endpoints, Action<ReferenceExpressionBuilder, EndpointReference> append)
    {
        var text = new ReferenceExpressionBuilder();
        foreach (var endpoint in endpoints)
        {
            if (!text.IsEmpty)
            {
                text.AppendLiteral(";");
            }

            append(text, endpoint);
        }

        return text;
    }
}

/// <summary>How a project is added.</summary>
public class ProjectResourceOptions
{
    /// <summary>The launch profile, when it is not the AppHost's or the project's first.</summary>
    public string? LaunchProfileName { get; set; }

    /// <summary>True: no launch profile, and so no endpoints but those the AppHost declares.</summary>
    public bool ExcludeLaunchProfile { get; set; }
}
