using TaskTracker.AppHost;
using TaskTracker.AppHost.LocalServices;

try
{
    var builder = DistributedApplication.CreateBuilder(Settings.OptionsFrom(args));
    builder.ReportAspirePackages();

    // While developing a process, a container, or a server of your own: see LocalServices/. For a deployment see Publishing.cs.
    var publishes = builder.ExecutionContext.IsPublishMode;
    var database = publishes ? builder.PublishDatabase("tasktracker") : builder.AddDatabase("tasktracker");
    var cache = publishes ? builder.PublishCache("cache") : builder.AddCache("cache");

    // Owns the schema: what it waits for the others wait for.
    var jobs = builder.AddProject<Projects.TaskTracker_Jobs>("jobs")
        .WithReference(database).WaitFor(database)
        .WithReference(cache).WaitFor(cache)
        .WithSettings("Reminders", "Email", "Webhooks", "Deliveries", "Exports", "Cleanup", "Logging")
        .WithReplicas(builder.Replicas("Jobs"))
        .WithHttpEndpoint()
        .WithReplicaHealthCheck();

    var api = builder.AddProject<Projects.TaskTracker_Api>("api")
        .WithReference(database).WaitFor(database)
        .WithReference(cache).WaitFor(cache)
        .WaitFor(jobs)
        .WithSettings("CACHE_TTL", "Cache", "Reminders", "Webhooks", "RateLimits", "Http", "Operations", "Logging")
        .WithReplicas(builder.Replicas("Api"))
        .WithExternalHttpEndpoints()
        .WithReplicaHealthCheck()
        .WithUrlForEndpoint("http", url => url.DisplayText = "Page")
        .WithUrlForEndpoint("http", _ => new() { Url = "/docs", DisplayText = "Docs" });

    if (publishes)
    {
        builder.PublishParameters(database, jobs, api);
    }
    else
    {
        builder.AddHealthWatch();
        builder.AddOperatorCommands(jobs, api);
    }

    await builder.Build().RunAsync();
    return 0;
}
catch (DistributedApplicationException exception)
{
    // It says in a sentence what to do; where in the code it came from would only hide that.
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
