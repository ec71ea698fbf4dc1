using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Redis in a container: declared and published; the stand-in cannot run it.</summary>
public static class RedisBuilderExtensions
{
    /// <summary>Adds a Redis server; its password is generated unless one is given.</summary>
    public static IResourceBuilder<RedisResource> AddRedis(this IDistributedApplicationBuilder builder, string name, int? port) => builder.AddRedis(name, port, null);

    /// <inheritdoc cref="AddRedis(IDistributedApplicationBuilder, string, int?)"/>
    public static IResourceBuilder<RedisResource> AddRedis(this IDistributedApplicationBuilder builder, string name, int? port = null, IResourceBuilder<ParameterResource>? password = null)
    {
        // Clients take a comma or an equals sign in the password for the end of it.
        var redis = new RedisResource(name, password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false));
        return builder.AddResource(redis)
            .WithEndpoint(port: port, targetPort: 6379, scheme: "redis", name: RedisResource.PrimaryEndpointName)
            .WithImage("library/redis", "8.6")
            .WithImageRegistry("docker.io")
            .WithIconName("Database")
            .WithEntrypoint("/bin/sh")
            .WithEnvironment(context =>
            {
                if (redis.PasswordParameter is { } parameter)
                {
                    context.EnvironmentVariables["REDIS_PASSWORD"] = parameter;
                }
            })
            .WithArgs(context =>
            {
                context.Args.Add("-c");
                context.Args.Add(ServerCommand(redis));
            });
    }

    public static IResourceBuilder<RedisResource> WithPassword(this IResourceBuilder<RedisResource> builder, IResourceBuilder<ParameterResource>? password)
    {
        builder.Resource.PasswordParameter = password?.Resource;
        return builder;
    }

    public static IResourceBuilder<RedisResource> WithHostPort(this IResourceBuilder<RedisResource> builder, int? port) =>
        builder.WithEndpoint(RedisResource.PrimaryEndpointName, endpoint => endpoint.Port = port);

    /// <summary>Keeps the data in a volume, and, unless it is read-only, has Redis write it.</summary>
    public static IResourceBuilder<RedisResource> WithDataVolume(this IResourceBuilder<RedisResource> builder, string? name = null, bool isReadOnly = false)
    {
        builder.WithVolume(name ?? VolumeNameGenerator.Generate(builder, "data"), "/data", isReadOnly);
        return isReadOnly ? builder : builder.WithPersistence();
    }

    /// <summary>Has Redis write its data when that many keys changed within the interval (a minute by default).</summary>
    public static IResourceBuilder<RedisResource> WithPersistence(this IResourceBuilder<RedisResource> builder, TimeSpan? interval = null, long keysChangedThreshold = 1) =>
        builder.WithAnnotation(new SnapshotAnnotation(interval ?? TimeSpan.FromMinutes(1), keysChangedThreshold), ResourceAnnotationMutationBehavior.Replace);

    // The shell inserts the password, so that no command line shows it.
    private static string ServerCommand(RedisResource redis)
    {
        var password = redis.PasswordParameter is null ? "" : " --requirepass $REDIS_PASSWORD";
        var save = redis.TryGetLastAnnotation<SnapshotAnnotation>(out var snapshot) ? string.Create(CultureInfo.InvariantCulture, $" --save {snapshot.Interval.TotalSeconds} {snapshot.KeysChanged}") : "";
        return $"redis-server{password}{save}";
    }

    private sealed record SnapshotAnnotation(TimeSpan Interval, long KeysChanged) : IResourceAnnotation;
}
