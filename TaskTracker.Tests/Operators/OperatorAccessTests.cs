using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Api.Operators;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Operators;

/// <summary>Who may do what, by account, by key and by command.</summary>
[Collection(OperatorTestsCollection.Name)]
public sealed partial class OperatorAccessTests(OperatorsFixture fixture)
{
    private static readonly string[] s_shows = ["GET nodes", "GET running", "GET queue", "GET history", "GET statistics", "GET schedules", "GET log-levels"];
    private static readonly string[] s_acts =
    [
        "POST jobs/{name}/run", "POST jobs/{name}/pause", "POST jobs/{name}/resume", "POST runs/{id}/cancel", "POST runs/{id}/retry", "POST cache/clear",
        "PUT log-levels/{service}", "DELETE log-levels/{service}", "GET audit",
    ];

    [Fact]
    public void Every_route_is_in_these_tests()
    {
        var routes = fixture.Api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.StartsWith("/ops/", StringComparison.Ordinal))
            .Select(endpoint => $"{endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single()} {endpoint.RoutePattern.RawText!["/ops/".Length..]}");

        Assert.Equal(s_shows.Concat(s_acts).Order(), routes.Order());
    }

    [Fact]
    public async Task A_stranger_gets_401_a_user_403_an_operator_reads_and_an_admin_acts()
    {
        using var stranger = fixture.Api.CreateClient();
        var user = await fixture.Api.CreateUserAsync();
        var reader = await fixture.CreateOperatorAsync("operator");
        var admin = await fixture.CreateOperatorAsync("admin");

        foreach (var (route, acts) in s_shows.Select(route => (route, false)).Concat(s_acts.Select(route => (route, true))))
        {
            Assert.Equal((route, HttpStatusCode.Unauthorized), (route, await AskAsync(stranger, route)));
            Assert.Equal((route, HttpStatusCode.Forbidden), (route, await AskAsync(user.Client, route)));
            Assert.Equal((route, acts ? HttpStatusCode.Forbidden : HttpStatusCode.OK), (route, await AskAsync(reader.Client, route)));
            Assert.Equal((route, ExpectedOfAdmin(route)), (route, await AskAsync(admin.Client, route)));
            Assert.Equal((route, ExpectedOfAdmin(route)), (route, await AskAsync(fixture.Admin, route)));
        }
    }

    [Fact]
    public async Task Refusals_are_problems_with_a_challenge()
    {
        using var stranger = fixture.Api.CreateClient();
        using var response = await stranger.GetAsync("/ops/nodes");
        var user = await fixture.Api.CreateUserAsync();
        using var forbidden = await user.Client.GetAsync("/ops/nodes");

        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("application/problem+json", forbidden.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_role_that_is_taken_away_is_gone_at_once_and_so_is_that_of_a_closed_account()
    {
        var admin = await fixture.CreateOperatorAsync("admin");
        Assert.Equal(HttpStatusCode.OK, await AskAsync(admin.Client, "GET nodes"));

        await OperatorsFixture.CommandAsync(fixture.Database, "revoke", admin.Name);
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(admin.Client, "GET nodes"));

        var closed = await fixture.CreateOperatorAsync("admin");
        await fixture.QueryAsync<int>($"update users set is_active = false where id = {closed.Id} returning id");
        Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(closed.Client, "GET nodes"));
    }

    [Fact]
    public async Task The_command_grants_lists_and_revokes_by_name_or_address_and_is_audited()
    {
        var user = await fixture.Api.CreateUserAsync();

        var granted = await OperatorsFixture.CommandAsync(fixture.Database, "grant", $"{user.Name.ToUpperInvariant()}@example.com", "operator");
        var listed = await OperatorsFixture.CommandAsync(fixture.Database, "list");
        var revoked = await OperatorsFixture.CommandAsync(fixture.Database, "revoke", user.Name);
        var listedAfter = await OperatorsFixture.CommandAsync(fixture.Database, "list");

        Assert.Equal((0, $"{user.Name} is operator now (was user).\n"), (granted.Code, granted.Output));
        Assert.Contains($"operator\t{user.Name}\t{user.Name}@example.com\n", listed.Output, StringComparison.Ordinal);
        Assert.Equal((0, $"{user.Name} is no operator any more (was operator).\n"), (revoked.Code, revoked.Output));
        Assert.DoesNotContain(user.Name, listedAfter.Output, StringComparison.Ordinal);
        var entries = (await fixture.Admin.ItemsAsync("/ops/audit")).Where(entry => entry.GetProperty("target").GetString() == user.Name);
        Assert.Equal(["revoke", "grant operator"], entries.Select(entry => entry.GetProperty("action").GetString()!));
        Assert.All(entries, entry => Assert.Equal("command-line", entry.GetProperty("actor").GetString()));
    }

    [Fact]
    public async Task The_command_says_what_is_wrong()
    {
        var unknown = await OperatorsFixture.CommandAsync(fixture.Database, "grant", "nobody-at-all", "admin");
        var unreadable = await OperatorsFixture.CommandAsync(fixture.Database, "grant", "ada", "root");
        var empty = await OperatorsFixture.CommandAsync(await Servers.CreateDatabaseAsync(), "list");
        var away = await OperatorsFixture.CommandAsync("Host=127.0.0.1;Port=1;Username=ada;Password=secret-word", "list");

        Assert.Equal(1, unknown.Code);
        Assert.Contains("nobody-at-all", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(2, unreadable.Code);
        Assert.Contains("operators grant", unreadable.Error, StringComparison.Ordinal);
        Assert.Equal(1, empty.Code);
        Assert.Contains("jobs service", empty.Error, StringComparison.Ordinal);
        Assert.Equal(1, away.Code);
        Assert.Contains("ConnectionStrings:tasktracker", away.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-word", away.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_key_and_a_key_where_none_is_configured_are_refused()
    {
        using var wrong = fixture.Api.CreateClient();
        wrong.DefaultRequestHeaders.Add(OperatorKey.Header, OperatorsFixture.Key + "!");
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(wrong, "GET nodes"));

        await using var api = new ApiFactory(fixture.Database, "127.0.0.1:1");
        using var unset = api.CreateClient();
        unset.DefaultRequestHeaders.Add(OperatorKey.Header, "");
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(unset, "GET nodes"));
    }

    [Fact]
    public async Task The_key_opens_nothing_but_operations_and_the_counts_of_the_cache()
    {
        using var stranger = fixture.Api.CreateClient();

        using var tasks = await fixture.Admin.GetAsync("/tasks");
        var counts = await fixture.Admin.GetFromJsonAsync<JsonElement>("/cache/status");
        var none = await stranger.GetFromJsonAsync<JsonElement>("/cache/status");

        Assert.Equal(HttpStatusCode.Unauthorized, tasks.StatusCode);
        Assert.Equal(JsonValueKind.Object, counts.GetProperty("counts").ValueKind);
        Assert.Equal(JsonValueKind.Null, none.GetProperty("counts").ValueKind);
    }

    [Fact]
    public async Task The_documentation_names_the_key_and_the_refusals()
    {
        var document = await fixture.Admin.GetFromJsonAsync<JsonElement>("/openapi/v1.json");
        var routes = document.GetProperty("paths").EnumerateObject().Where(path => path.Name.StartsWith("/ops/", StringComparison.Ordinal)).ToList();

        Assert.Equal(15, routes.Count);
        foreach (var operation in routes.SelectMany(route => route.Value.EnumerateObject()))
        {
            Assert.Equal(2, operation.Value.GetProperty("security").GetArrayLength());
            Assert.True(operation.Value.GetProperty("responses").TryGetProperty("401", out _));
            Assert.True(operation.Value.GetProperty("responses").TryGetProperty("403", out _));
            Assert.NotEmpty(operation.Value.GetProperty("summary").GetString()!);
        }

        Assert.Equal(OperatorKey.Header, document.GetProperty("components").GetProperty("securitySchemes").GetProperty("OperatorKey").GetProperty("name").GetString());
    }

    private static HttpStatusCode ExpectedOfAdmin(string route) => route.Contains('{', StringComparison.Ordinal) ? HttpStatusCode.NotFound : HttpStatusCode.OK;

    private static async Task<HttpStatusCode> AskAsync(HttpClient client, string route)
    {
        var parts = route.Split(' ');
        using var request = new HttpRequestMessage(new HttpMethod(parts[0]), $"/ops/{Value().Replace(parts[1], "nothing")}");
        request.Content = route switch
        {
            "POST jobs/{name}/pause" => JsonContent.Create(new { reason = "a test" }),
            "PUT log-levels/{service}" => JsonContent.Create(new { level = "Debug" }),
            _ => null,
        };
        using var response = await client.SendAsync(request);

        return response.StatusCode;
    }

    [GeneratedRegex("{[a-z]+}")]
    private static partial Regex Value();
}
