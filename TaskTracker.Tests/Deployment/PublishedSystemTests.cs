using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Contract;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>What the services do as they are deployed: all that the contract says, and what a development run does not.</summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class PublishedSystemTests(PublishedSystem system, PublishedPair running) : IClassFixture<PublishedPair>
{
    public static TheoryData<string> Rows => [.. ContractRows.All.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_row_of_the_contract_holds(string row) =>
        await ContractRows.All[row](new ContractRows(running.Api.Connect, TimeSpan.FromDays(1)));

    [Fact]
    public async Task The_services_talk_to_the_database_by_tls_as_users_of_their_own()
    {
        // Whoever is ready has connections.
        var users = await OperationClient.QueryAsync<string[]>(
            system.Servers.Superuser,
            "select array_agg(distinct usename || ' ' || ssl order by usename || ' ' || ssl) from pg_stat_ssl join pg_stat_activity using (pid) where usename like 'tasktracker%'");

        Assert.Equal(["tasktracker true", "tasktracker_api true"], users);
    }

    [Fact]
    public async Task A_browser_that_came_by_https_is_told_to_stay_there()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Host = "tasks.example.com";

        using var answer = await running.Api.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.True(answer.Headers.Contains("Strict-Transport-Security"));
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Servers_whose_certificate_nobody_vouches_for_are_not_talked_to()
    {
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
        var ready = await system.ProbeAsync(running.Api.Port);
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
            var user = await api.Client.SignUpAsync();
            await user.Client.CreateTaskAsync("quiet");
            using var wrong = await user.Client.LogInAsync("nobody", "a wrong password of mine");
            token = user.AccessToken;
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
