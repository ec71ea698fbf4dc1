using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>What a deployment does that a development run does not.</summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class PublishedSystemTests(PublishedSystem system)
{
    [Fact]
    public async Task The_published_services_do_their_work_over_tls_as_users_of_their_own()
    {
        await using var jobs = await system.StartAsync("jobs");
        await using var api = await system.StartAsync("api");
        using var client = await DeployedUser.CreateAsync(api.Address);

        var id = await client.CreateTaskAsync("deployed", $"{DateTimeOffset.UtcNow.AddDays(1).AddSeconds(1):O}");
        var titles = await client.GetTitlesAsync();
        var bulk = await client.EndOfAsync(await client.StartBulkUpdateAsync([id], new { title = "renamed" }));
        var file = await client.GetStringAsync($"/exports/{await client.ExportAsync()}");
        await Eventually.TrueAsync("the reminder goes out", async () =>
            (await client.GetFromJsonAsync<JsonElement>("/notifications")).GetProperty("items").GetArrayLength() == 1);
        var health = await client.GetFromJsonAsync<JsonElement>("/health");

        Assert.Equal(["deployed"], titles);
        Assert.Equal(1, bulk.GetProperty("result").GetProperty("updated").GetInt32());
        Assert.Contains("renamed", file, StringComparison.Ordinal);
        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal("in_use", health.GetProperty("redis_status").GetString());
        var users = await OperationClient.QueryAsync<string[]>(
            system.Servers.Superuser,
            "select array_agg(distinct usename || ' ' || ssl order by usename || ' ' || ssl) from pg_stat_ssl join pg_stat_activity using (pid) where usename like 'tasktracker%'");
        Assert.Equal(["tasktracker true", "tasktracker_api true"], users);
    }

    [Fact]
    public async Task A_browser_that_came_by_https_is_told_to_stay_there()
    {
        await using var jobs = await system.StartAsync("jobs");
        await using var api = await system.StartAsync("api");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Host = "tasks.example.com";

        using var answer = await api.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(answer.Headers.Contains("Strict-Transport-Security"));
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Servers_whose_certificate_nobody_vouches_for_are_not_talked_to()
    {
        await using var jobs = await system.StartAsync("jobs");
        await using var api = system.Launch("api", ("SSL_CERT_FILE", null));

        var health = await Eventually.GetAsync("the api answers", TimeSpan.FromMinutes(1), async token =>
        {
            try
            {
                using var answer = await api.Client.GetAsync(new Uri("/health", UriKind.Relative), token);
                return Tuple.Create(answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(token));
            }
            catch (HttpRequestException)
            {
                return null;
            }
        });

        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.Item1);
        Assert.Equal("disconnected", health.Item2.GetProperty("database").GetString());
        Assert.Equal("disconnected", health.Item2.GetProperty("redis").GetString());
    }

    [Theory]
    [InlineData("api", "DataProtection__Key", null, "DataProtection:Key is missing")]
    [InlineData("api", "ConnectionStrings__cache", "cache:6379", "ConnectionStrings:cache has no password")]
    [InlineData("jobs", "ConnectionStrings__tasktracker", "Host=db;Username=tasktracker;Password=postgres", "ConnectionStrings:tasktracker has a password that anybody would try")]
    [InlineData("jobs", "ApiRole__Password", "short", "ApiRole:Password must be at least 16 ASCII characters")]
    public async Task What_would_be_unsafe_stops_the_start_with_its_name(string service, string variable, string? value, string reason)
    {
        await using var launched = system.Launch(service, (variable, value));

        Assert.NotEqual(0, await launched.WaitForEndAsync());
        Assert.Contains(reason, launched.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_probe_says_by_its_exit_code_what_health_says()
    {
        await using var jobs = await system.StartAsync("jobs");
        await using var api = await system.StartAsync("api");

        var ready = await system.ProbeAsync(api.Port);
        var nobody = await system.ProbeAsync(ServerProcess.FreePort());

        Assert.Equal(0, ready.ExitCode);
        Assert.Contains("\"healthy\"", ready.Output, StringComparison.Ordinal);
        Assert.Equal(1, nobody.ExitCode);
    }

    [Fact]
    public async Task No_password_and_no_token_is_in_what_the_services_write()
    {
        string output;
        string token;
        await using (var jobs = await system.StartAsync("jobs"))
        await using (var api = await system.StartAsync("api"))
        {
            using var client = await DeployedUser.CreateAsync(api.Address);
            await client.CreateTaskAsync("quiet");
            using var wrong = await client.LogInAsync("nobody", "a wrong password of mine");
            token = client.DefaultRequestHeaders.Authorization!.Parameter!;
            await api.EndAsync();
            output = jobs.Output + api.Output;
        }

        var database = new Npgsql.NpgsqlConnectionStringBuilder(system.Servers.Database);
        foreach (var secret in (string[])[database.Password!, system.Servers.Redis.Split("password=")[1].Split(',')[0], token, ApiFactory.Password, "a wrong password of mine"])
        {
            Assert.DoesNotContain(secret, output, StringComparison.Ordinal);
        }
    }
}

/// <summary>A user of a deployed API.</summary>
internal static class DeployedUser
{
    public static Task<HttpClient> CreateAsync(Uri address) => CreateAsync(new HttpClient { BaseAddress = address });

    public static async Task<HttpClient> CreateAsync(HttpClient client)
    {
        var name = $"user-{Guid.NewGuid():N}";
        using var registered = await client.PostAsJsonAsync("/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password });
        Assert.Equal(HttpStatusCode.OK, registered.StatusCode);
        using var loggedIn = await client.LogInAsync(name);
        Assert.Equal(HttpStatusCode.OK, loggedIn.StatusCode);
        var tokens = await loggedIn.Content.ReadFromJsonAsync<JsonElement>();
        client.DefaultRequestHeaders.Authorization = new("Bearer", tokens.GetProperty("access_token").GetString());
        return client;
    }
}
