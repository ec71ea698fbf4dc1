using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Api;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Tests.Api;

/// <summary>One replica of the API in this process, over real servers.</summary>
public sealed class ApiFactory(
    string database,
    string redis,
    string environment = "Development",
    IReadOnlyDictionary<string, string>? settings = null,
    Action<IServiceCollection>? services = null) : WebApplicationFactory<ApiMarker>
{
    public const string Password = "correct horse battery staple";

    /// <summary>A fresh database with the current schema.</summary>
    public static async Task<string> CreateDatabaseAsync()
    {
        var database = await Servers.CreateDatabaseAsync();
        await using var factory = new ApiFactory(database, "127.0.0.1:1");
        await using var scope = factory.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>().Database.MigrateAsync();

        return database;
    }

    /// <summary>A new user, logged in.</summary>
    public Task<ApiUser> CreateUserAsync() => CreateClient().SignUpAsync();

    /// <summary>A client of this replica for a user who may have logged in at another.</summary>
    public HttpClient CreateClient(ApiUser user)
    {
        var client = CreateClient();
        client.Authorize(user);

        return client;
    }

    public async Task<T> WithDatabaseAsync<T>(Func<TaskTrackerDbContext, Task<T>> use)
    {
        await using var scope = Services.CreateAsyncScope();
        return await use(scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>());
    }

    /// <summary>Waits until answers come from the cache again.</summary>
    public async Task WaitForCacheAsync()
    {
        var user = await CreateUserAsync();
        await Eventually.TrueAsync("a list comes from the cache", async () =>
        {
            using var response = await user.Client.GetAsync("/tasks");
            return response.Headers.Age is not null;
        });
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(environment);
        // A line for each request and statement costs more time than both.
        builder.UseSetting("Logging:LogLevel:Default", "Warning");
        builder.UseSetting("ConnectionStrings:tasktracker", database);
        builder.UseSetting("ConnectionStrings:cache", redis);
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            builder.UseSetting(name, value);
        }

        builder.ConfigureTestServices(added =>
        {
            // No test asks the internet for an address.
            added.AddSingleton<ResolveHost>((host, _) => Task.FromResult<IPAddress[]>(
                IPAddress.TryParse(host, out var address) ? [address] : host == "localhost" ? [IPAddress.Loopback] : [IPAddress.Parse("93.184.216.34")]));
            services?.Invoke(added);
        });
    }
}

/// <summary>Somebody who is logged in, with a client of the replica where that happened.</summary>
public sealed record ApiUser(int Id, string Name, string AccessToken, string RefreshToken, HttpClient Client);

internal static class ApiClient
{
    /// <summary>Makes the client that of a new user, who is logged in.</summary>
    public static async Task<ApiUser> SignUpAsync(this HttpClient client)
    {
        var name = $"user-{Guid.NewGuid():N}";
        using var registered = await client.PostAsJsonAsync("/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password });
        Assert.Equal(HttpStatusCode.OK, registered.StatusCode);
        var id = (await registered.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetInt32();
        using var loggedIn = await client.LogInAsync(name);
        Assert.Equal(HttpStatusCode.OK, loggedIn.StatusCode);
        var tokens = await loggedIn.Content.ReadFromJsonAsync<JsonElement>();
        var user = new ApiUser(id, name, tokens.GetProperty("access_token").GetString()!, tokens.GetProperty("refresh_token").GetString()!, client);
        client.Authorize(user);

        return user;
    }

    public static Task<HttpResponseMessage> LogInAsync(this HttpClient client, string name, string password = ApiFactory.Password) =>
        client.PostAsync("/auth/login", new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = name, ["password"] = password }));

    public static Task<HttpResponseMessage> RefreshAsync(this HttpClient client, string refreshToken) =>
        client.PostAsJsonAsync("/auth/refresh", new { refresh_token = refreshToken });

    public static void Authorize(this HttpClient client, ApiUser user) =>
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", user.AccessToken);

    public static async Task<long> CreateTaskAsync(this HttpClient client, string title, string? deadline = null)
    {
        using var response = await client.PostAsJsonAsync("/tasks", new { title, deadline });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);

        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetInt64();
    }

    public static async Task<string[]> GetTitlesAsync(this HttpClient client, string url = "/tasks") =>
        [.. (await client.GetFromJsonAsync<JsonElement>(url)).GetProperty("items").EnumerateArray().Select(task => task.GetProperty("title").GetString()!)];
}

/// <summary>Two replicas that use the cache, over one database and a Redis of their own.</summary>
internal sealed record ReplicaPair(RedisForTests Redis, ApiFactory First, ApiFactory Second) : IAsyncDisposable
{
    public static async Task<ReplicaPair> StartAsync(string database)
    {
        var redis = await Servers.StartRedisAsync();
        var replicas = new ReplicaPair(redis, new ApiFactory(database, redis.ConnectionString), new ApiFactory(database, redis.ConnectionString));
        await replicas.First.WaitForCacheAsync();
        await replicas.Second.WaitForCacheAsync();
        return replicas;
    }

    public async ValueTask DisposeAsync()
    {
        await First.DisposeAsync();
        await Second.DisposeAsync();
        Redis.Dispose();
    }
}

/// <summary>Two replicas for all tests that break neither the database nor Redis.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    private ReplicaPair _replicas = null!;

    public string Database { get; private set; } = "";

    public string Redis => _replicas.Redis.ConnectionString;

    public ApiFactory First => _replicas.First;

    public ApiFactory Second => _replicas.Second;

    public async Task InitializeAsync()
    {
        Database = await ApiFactory.CreateDatabaseAsync();
        _replicas = await ReplicaPair.StartAsync(Database);
    }

    public async Task DisposeAsync() => await _replicas.DisposeAsync();
}

[CollectionDefinition(Name)]
public sealed class ApiTests : ICollectionFixture<ApiFixture>
{
    public const string Name = "Api";
}
