using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Contract;

/// <summary>What belongs to one user does not exist for another: by no route, cached or not.</summary>
[Collection(OperationTestsCollection.Name)]
public sealed class IsolationTests(OperationsFixture fixture)
{
    [Fact]
    public async Task By_no_route_with_an_id_does_anothers_thing_exist()
    {
        var owner = await Belongings.CreateAsync(fixture.Api, fixture.Database);
        var stranger = await fixture.Api.CreateUserAsync();
        var routes = ApiRoute.All(fixture.Api).Where(route => route.HasId).ToList();
        Assert.NotEmpty(routes);

        foreach (var route in routes)
        {
            if (route.NeedsRole)
            {
                using var refused = await SendAsync(stranger.Client, route, route.FillWithNobodys());
                Assert.True(refused.StatusCode == HttpStatusCode.Forbidden, $"{route} → {refused.StatusCode}");
                continue;
            }

            var url = owner.Fill(route.Path);
            var tag = await WarmAsync(owner, route, url);
            var missing = await DescribeAsync(await SendAsync(stranger.Client, route, route.FillWithNobodys()));

            foreach (var (header, value) in ((string, string)[])
                [("Accept", "*/*"), ("If-None-Match", tag), ("If-None-Match", "*"), ("If-Match", tag), ("If-Match", "*"), ("Range", "bytes=0-9")])
            {
                using var response = await SendAsync(stranger.Client, route, url, (header, value));
                Assert.True(response.StatusCode == HttpStatusCode.NotFound, $"{route} with {header}: {value} → {response.StatusCode}");
                Assert.Null(response.Headers.ETag);
                Assert.Equal(missing, await DescribeAsync(response));
            }
        }

        // Nothing of it was changed, either.
        var task = await owner.User.Client.GetFromJsonAsync<JsonElement>($"/tasks/{owner.Task}");
        Assert.Equal(owner.Word, task.GetProperty("title").GetString());
        Assert.Equal(1, (await owner.User.Client.GetFromJsonAsync<JsonElement>("/notifications/unread")).GetProperty("unread").GetInt32());
        Assert.Contains(owner.Word, await owner.User.Client.GetStringAsync($"/exports/{owner.Export}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_list_and_no_count_shows_a_trace_of_anothers_things()
    {
        var owner = await Belongings.CreateAsync(fixture.Api, fixture.Database);
        var stranger = await fixture.Api.CreateUserAsync();
        var routes = ApiRoute.All(fixture.Api).Where(route => route is { Method: "GET", HasId: false, NeedsRole: false, Path: not "/notifications/stream" }).ToList();

        foreach (var route in routes)
        {
            using var warm = await owner.User.Client.GetAsync(route.Path);
            using var response = await SendAsync(stranger.Client, route, route.Path, ("If-None-Match", warm.Headers.ETag?.ToString() ?? "\"none\""));
            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{route} → {response.StatusCode}");
            Assert.DoesNotContain(owner.Word, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(0, (await stranger.Client.GetFromJsonAsync<JsonElement>("/tasks/statistics")).GetProperty("total_tasks").GetInt32());
        Assert.Equal(0, (await stranger.Client.GetFromJsonAsync<JsonElement>("/notifications/unread")).GetProperty("unread").GetInt32());
        Assert.Empty((await stranger.Client.GetFromJsonAsync<JsonElement>($"/tasks?q={owner.Word}")).GetProperty("items").EnumerateArray());
    }

    [Fact]
    public async Task A_bulk_update_does_not_find_anothers_tasks_and_an_export_does_not_hold_them()
    {
        var owner = await Belongings.CreateAsync(fixture.Api, fixture.Database);
        var stranger = await fixture.Api.CreateUserAsync();
        await owner.User.Client.GetStringAsync($"/tasks/{owner.Task}");

        var updated = await stranger.Client.EndOfAsync(await stranger.Client.StartBulkUpdateAsync([owner.Task], new { title = "stolen" }));
        var export = await stranger.Client.GetStringAsync($"/exports/{await stranger.Client.ExportAsync()}");

        Assert.Equal($$"""{"updated":0,"not_found":[{{owner.Task}}]}""", updated.GetProperty("result").GetRawText());
        Assert.Equal("[]", export.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(owner.Word, (await owner.User.Client.GetFromJsonAsync<JsonElement>($"/tasks/{owner.Task}")).GetProperty("title").GetString());
    }

    // The second answer comes from the cache, where the route is cached.
    private static async Task<string> WarmAsync(Belongings owner, ApiRoute route, string url)
    {
        if (route.Method is not ("GET" or "HEAD"))
        {
            return (await owner.User.Client.GetAsync($"/tasks/{owner.Task}")).Headers.ETag!.ToString();
        }

        var tag = "";
        for (var i = 0; i < 2; i++)
        {
            using var response = await SendAsync(owner.User.Client, route, url);
            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{route} → {response.StatusCode}");
            tag = response.Headers.ETag?.ToString() ?? "\"none\"";
        }

        return tag;
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, ApiRoute route, string url, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(route.Method), url);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (route.Method is "PUT" or "POST" or "PATCH")
        {
            request.Content = JsonContent.Create(new { title = "stolen" });
        }

        return await client.SendAsync(request);
    }

    // But for the trace id, which is each request's own.
    private static async Task<string> DescribeAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if (response.RequestMessage!.Method == HttpMethod.Head)
        {
            // The test server sends the body all the same; a real one does not.
            return "";
        }

        var problem = JsonDocument.Parse(text).RootElement;
        return string.Join('\n', problem.EnumerateObject().Where(member => member.Name != "trace_id"));
    }
}
