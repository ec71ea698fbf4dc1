namespace TaskTracker.AppHost;

/// <summary>
/// What only a deployment has: servers by address, the API's own database user, and a parameter for everything an operator chooses.
/// The manifest and docs/deployment.md name them.
/// </summary>
internal static class Publishing
{
    private const string EphemeralDatabase = "AllowEphemeralDatabase";
    private const string ExternalRedis = "ExternalRedis";

    // The database user that the jobs service makes for the API: it reads and writes rows, and owns nothing.
    private const string ApiUser = "tasktracker_api";

    /// <summary>The database: the operator's connection string. With <c>AllowEphemeralDatabase=true</c> a container, to try things out.</summary>
    /// <remarks>
    /// A container has no place to keep its data: Azure Container Apps' file shares refuse what PostgreSQL asks of them.
    /// </remarks>
    public static IResourceBuilder<IResourceWithConnectionString> PublishDatabase(this IDistributedApplicationBuilder builder, string name)
    {
        if (!builder.IsOn(EphemeralDatabase))
        {
            return builder.AddConnectionString(name);
        }

        Console.Error.WriteLine($"Warning: with {EphemeralDatabase} the database is a container, and all data is gone whenever it restarts.");
        return builder.AddPostgres("postgres").AddDatabase(name);
    }

    /// <summary>The cache: a container with a generated password. With <c>ExternalRedis=true</c> the operator's connection string.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> PublishCache(this IDistributedApplicationBuilder builder, string name) =>
        builder.IsOn(ExternalRedis) ? builder.AddConnectionString(name) : builder.AddRedis(name);

    /// <summary>Declares the parameters and hands them to the services.</summary>
    /// <exception cref="DistributedApplicationException">A switch is neither true nor false.</exception>
    public static void PublishParameters(
        this IDistributedApplicationBuilder builder,
        IResourceBuilder<IResourceWithConnectionString> database,
        IResourceBuilder<ProjectResource> jobs,
        IResourceBuilder<ProjectResource> api)
    {
        var password = builder.AddParameter("api-database-password", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true);
        jobs.WithEnvironment("ApiRole__Name", ApiUser).WithEnvironment("ApiRole__Password", password);
        // Of a keyword that is there twice the last counts.
        api.WithEnvironment(
            $"ConnectionStrings__{database.Resource.Name}", ReferenceExpression.Create($"{database.Resource};Username={ApiUser};Password={password}"));

        // 43 such characters and '=' are the Base64 of 32 bytes.
        var key = builder.AddParameter("data-protection-key", new GenerateParameterDefault { MinLength = 43, Special = false }, secret: true);
        foreach (var service in (IResourceBuilder<ProjectResource>[])[api, jobs])
        {
            service.WithEnvironment("DataProtection__Key", ReferenceExpression.Create($"{key}="));
        }

        if (builder.Configuration["Operations:Key"] is not null)
        {
            // Asked for anew, so that the manifest does not hold it.
            api.WithEnvironment("Operations__Key", builder.AddParameter("operations-key", secret: true));
        }

        builder.PublishSetting("Http:Origins", "", api);
        builder.PublishSetting("Http:TrustedProxies", "", api);
        builder.PublishSetting("CACHE_TTL", "300", api);
        builder.PublishSetting("Reminders:LeadTimes", "1.00:00:00", api, jobs);
        builder.PublishSetting("Reminders:Late", "Skip", api, jobs);
        builder.PublishSetting("Email:Host", "", jobs);
        builder.PublishSetting("Email:Port", "587", jobs);
        builder.PublishSetting("Email:From", "", jobs);
        builder.PublishSetting("Email:User", "", jobs);
        builder.PublishSetting("Webhooks:AllowedNetworks", "", api, jobs);
        builder.PublishSetting("Exports:Lifetime", "7.00:00:00", jobs);
        builder.PublishSetting("Cleanup:TimeZone", "UTC", jobs);
        builder.PublishSetting("Cleanup:Notifications", "90.00:00:00", jobs);
        builder.PublishSetting("Cleanup:Operations", "30.00:00:00", jobs);
    }

    // What the AppHost itself was told, else the default, is what a deployment gets unless it is told otherwise.
    private static void PublishSetting(
        this IDistributedApplicationBuilder builder, string key, string @default, params IResourceBuilder<ProjectResource>[] services)
    {
        var parameter = builder.AddParameter(ParameterName(key), builder.Configuration[key] ?? @default, publishValueAsDefault: true);
        foreach (var service in services)
        {
            service.WithEnvironment(key.Replace(":", "__", StringComparison.Ordinal), parameter);
        }
    }

    // 'Reminders:LeadTimes' is 'reminders-lead-times'.
    private static string ParameterName(string key) => string.Concat(key.Select((character, index) => character switch
    {
        ':' or '_' => "-",
        _ when char.IsUpper(character) && index > 0 && char.IsLower(key[index - 1]) => $"-{char.ToLowerInvariant(character)}",
        _ => $"{char.ToLowerInvariant(character)}",
    }));

    private static bool IsOn(this IDistributedApplicationBuilder builder, string name) => builder.Configuration[name] switch
    {
        null => false,
        var text when bool.TryParse(text, out var isOn) => isOn,
        var text => throw new DistributedApplicationException($"{name} is '{text}': set it to true or false."),
    };
}
