using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// The two servers the system needs, wherever they come from: a container, a process, or a server of the user's own. Each is healthy when
/// it has answered a request that needed its credentials.
/// </summary>
internal static partial class LocalServicesExtensions
{
    /// <summary>Adds a Postgres database; <paramref name="name"/> is the resource's, the connection's and the database's.</summary>
    /// <exception cref="LocalServiceException">What the configuration asks for cannot be had.</exception>
    public static IResourceBuilder<IResourceWithConnectionString> AddDatabase(this IDistributedApplicationBuilder builder, string name) =>
        ServiceSources.Of(builder, name) switch
        {
            ServiceSource.Named => builder.AddNamedServer(
                name, value => _ = new NpgsqlConnectionStringBuilder(value), connectionString => new PostgresHealthCheck(connectionString)),
            ServiceSource.Container => builder.AddPostgresContainer(name),
            _ => builder.AddPostgresProcess(name),
        };

    /// <summary>Adds a Redis cache; <paramref name="name"/> is the resource's and the connection's.</summary>
    /// <exception cref="LocalServiceException">What the configuration asks for cannot be had.</exception>
    public static IResourceBuilder<IResourceWithConnectionString> AddCache(this IDistributedApplicationBuilder builder, string name) =>
        ServiceSources.Of(builder, name) switch
        {
            ServiceSource.Named => builder.AddNamedServer(
                name, value => RedisHealthCheck.Parse(value), connectionString => new RedisHealthCheck(connectionString)),
            ServiceSource.Container => builder.AddRedis(name),
            _ => builder.AddRedisProcess(name),
        };

    private static IResourceBuilder<IResourceWithConnectionString> AddNamedServer(
        this IDistributedApplicationBuilder builder,
        string name,
        Action<string> parse,
        Func<Func<CancellationToken, ValueTask<string?>>, IHealthCheck> createHealthCheck)
    {
        try
        {
            parse(builder.Configuration.GetConnectionString(name)!);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new LocalServiceException($"ConnectionStrings__{name} is no connection string of such a server: {e.Message}");
        }

        var server = builder.AddConnectionString(name);
        return server.WithHealthCheck(builder.AddCheck(name, createHealthCheck(server.Resource.GetConnectionStringAsync)));
    }

    private static IResourceBuilder<PostgresDatabaseResource> AddPostgresContainer(this IDistributedApplicationBuilder builder, string name)
    {
        var postgres = builder.AddPostgres("postgres");
        if (builder.PersistsData())
        {
            postgres.WithDataVolume();
        }

        return postgres.AddDatabase(name);
    }

    private static IResourceBuilder<LocalServerResource> AddPostgresProcess(this IDistributedApplicationBuilder builder, string name) =>
        builder.AddServerProcess(
            name,
            server => ReferenceExpression.Create(
                $"Host={server.Endpoint.Property(EndpointProperty.Host)};Port={server.Endpoint.Property(EndpointProperty.Port)};Username={PostgresServer.User};Password={server.Password};Database={name}"),
            connectionString => new PostgresHealthCheck(connectionString),
            async (folders, data, report, cancellationToken) =>
            {
                var binaries = await PostgresBinaries.GetAsync(folders.Programs, report, cancellationToken);
                return await PostgresServer.PrepareAsync(
                    binaries, await data.GetFolderAsync(cancellationToken), name, durable: data.Persists, report, cancellationToken);
            })
        .WithIconName("DatabaseMultiple");

    private static IResourceBuilder<LocalServerResource> AddRedisProcess(this IDistributedApplicationBuilder builder, string name) =>
        builder.AddServerProcess(
            name,
            server => ReferenceExpression.Create(
                $"{server.Endpoint.Property(EndpointProperty.Host)}:{server.Endpoint.Property(EndpointProperty.Port)},password={server.Password}"),
            connectionString => new RedisHealthCheck(connectionString),
            async (folders, data, report, cancellationToken) =>
            {
                var binaries = await RedisBinaries.GetAsync(folders.Programs, report, cancellationToken);
                return await RedisServer.PrepareAsync(binaries, await data.GetFolderAsync(cancellationToken), cancellationToken);
            })
        .WithIconName("Database");

    private static IResourceBuilder<LocalServerResource> AddServerProcess(
        this IDistributedApplicationBuilder builder,
        string name,
        Func<LocalServerResource, ReferenceExpression> connectionString,
        Func<Func<CancellationToken, ValueTask<string?>>, IHealthCheck> createHealthCheck,
        Func<LocalFolders, LocalData, Action<string>, CancellationToken, Task<LocalServer>> prepare)
    {
        var folders = LocalFolders.OfUser();
        var resource = new LocalServerResource(name, folders.Data, connectionString);

        // A service, so that it is let go of when the application ends.
        var persists = builder.PersistsData();
        builder.Services.TryAddSingleton(_ => new LocalData(folders, builder.AppHostDirectory, persists));

        // Here a failure still stops the AppHost, with the sentence it throws; later it would be one resource that does not start.
        builder.Eventing.Subscribe<BeforeStartEvent>(async (start, cancellationToken) =>
        {
            var logger = start.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(LocalServicesExtensions).Namespace!);
            var data = start.Services.GetRequiredService<LocalData>();
            resource.Server = await prepare(folders, data, message => Progress(logger, message), cancellationToken);
        });

        return builder.AddResource(resource)
            .WithEndpoint(name: LocalServerResource.EndpointName, scheme: "tcp")
            .WithArgs(context =>
            {
                foreach (var argument in resource.Server.Command.Arguments)
                {
                    context.Args.Add(argument);
                }

                context.Args.Add(resource.Endpoint.Property(EndpointProperty.TargetPort));
            })
            .WithEnvironment(context =>
            {
                foreach (var (variable, value) in resource.Server.Command.Environment)
                {
                    context.EnvironmentVariables[variable] = value;
                }
            })
            .WithHealthCheck(builder.AddCheck(name, createHealthCheck(cancellationToken => resource.ConnectionStringExpression.GetValueAsync(cancellationToken))));
    }

    private static string AddCheck(this IDistributedApplicationBuilder builder, string name, IHealthCheck check)
    {
        var key = $"{name}_check";
        builder.Services.AddHealthChecks().AddCheck(key, check);
        return key;
    }

    private static bool PersistsData(this IDistributedApplicationBuilder builder) => builder.Configuration.GetValue("LocalServices:Persist", defaultValue: true);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Message}")]
    private static partial void Progress(ILogger logger, string message);
}
