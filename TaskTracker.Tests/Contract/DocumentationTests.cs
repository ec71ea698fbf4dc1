using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Contract;

/// <summary>That the OpenAPI document is whole. Whether it is true the tests of the contract find out, with each answer they get.</summary>
[Collection(ApiTests.Name)]
public sealed partial class DocumentationTests(ApiFixture api)
{
    [Fact]
    public async Task Every_route_is_documented_and_asks_for_a_token_where_the_service_does()
    {
        using var client = api.First.CreateClient();
        var document = await ApiDocument.ReadAsync(client);

        // HEAD answers as GET does, without the body.
        var routes = ApiRoute.All(api.First).Where(route => route.Method != "HEAD").ToDictionary(route => $"{route}");

        Assert.Equal(routes.Keys.Order(), document.Operations.Select(operation => $"{operation}").Order());
        Assert.All(document.Operations, operation => Assert.Equal(
            routes[$"{operation}"].Endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null, operation.IsSecured));
        Assert.All(document.Operations, operation => Assert.Equal(routes[$"{operation}"].NeedsRole, operation.NeedsRole));
    }

    [Fact]
    public async Task Every_route_declares_the_answers_that_its_shape_brings()
    {
        using var client = api.First.CreateClient();
        var document = await ApiDocument.ReadAsync(client);
        var missing = new List<string>();

        foreach (var operation in document.Operations)
        {
            var probe = operation.Path is "/health" or "/alive";
            Needs(operation, 401, operation.IsSecured || operation.Path is "/auth/login" or "/auth/refresh");
            Needs(operation, 404, operation.Parameters("path").Any());
            Needs(operation, 400, operation.Body is not null || operation.Parameters("query").Any() || operation.Takes("If-Match"));
            Needs(operation, 413, operation.Body is not null);
            Needs(operation, 415, operation.Body is not null);
            Needs(operation, 422, operation.Takes("Idempotency-Key"));
            Needs(operation, 429, !probe);
            Needs(operation, 503, operation.IsSecured);
            Check(operation, operation.Declares(304) == operation.Takes("If-None-Match"), "304 and If-None-Match go together");
            Check(operation, operation.Declares(412) == operation.Takes("If-Match"), "412 and If-Match go together");
            Check(operation, !operation.Declares(304) || operation.AnswersHeader(200, "ETag"), "304 needs an ETag at 200");
            Check(operation, !operation.Declares(201) || operation.AnswersHeader(201, "Location"), "201 needs a Location");
            Check(operation, !operation.Declares(202) || operation.AnswersHeader(202, "Location"), "202 needs a Location");
            Check(operation, !operation.Declares(401) || operation.AnswersHeader(401, "WWW-Authenticate"), "401 needs a challenge");
            Check(operation, !operation.Declares(429) || operation.AnswersHeader(429, "Retry-After"), "429 needs a Retry-After");
            Check(operation, operation.Description.TryGetProperty("summary", out _) && operation.Description.TryGetProperty("operationId", out _), "a summary and a name");

            foreach (var response in operation.Responses.EnumerateObject().Where(response => response.Name[0] is '4'))
            {
                var content = response.Value.TryGetProperty("content", out var declared) ? declared.EnumerateObject().Select(type => type.Name) : [];
                Check(operation, content.SequenceEqual(["application/problem+json"]), $"{response.Name} is a problem");
            }
        }

        Assert.Empty(missing);

        void Needs(ApiOperation operation, int status, bool applies) => Check(operation, !applies || operation.Declares(status), $"{status}");

        void Check(ApiOperation operation, bool holds, string what)
        {
            if (!holds)
            {
                missing.Add($"{operation}: {what}");
            }
        }
    }

    [Fact]
    public async Task Every_request_and_every_response_with_a_body_has_an_example()
    {
        using var client = api.First.CreateClient();
        var document = await ApiDocument.ReadAsync(client);

        var bodies = document.Operations.SelectMany(operation => operation.Responses.EnumerateObject()
            .Where(response => response.Value.TryGetProperty("content", out _))
            .Select(response => (Name: $"{operation} {response.Name}", Content: response.Value.GetProperty("content")))
            .Concat(operation.Body is { } body ? [($"{operation} request", body)] : []));

        Assert.Empty(bodies.SelectMany(body => body.Content.EnumerateObject()
            .Where(type => document.ExampleOf(type.Value) is null).Select(type => $"{body.Name} {type.Name}")));
    }

    [Fact]
    public async Task What_every_request_sends_as_its_example_can_be_sent()
    {
        using var client = api.First.CreateClient();
        var document = await ApiDocument.ReadAsync(client);
        var user = await api.First.CreateUserAsync();

        foreach (var operation in document.Operations.Where(operation => operation.Body is not null && !operation.NeedsRole))
        {
            var type = operation.Content!.Value;
            var example = document.ExampleOf(type.Value)!.Value;
            using var request = new HttpRequestMessage(new HttpMethod(operation.Method), operation.Path.Replace("{id}", "0", StringComparison.Ordinal));
            request.Content = new StringContent(example.ValueKind == JsonValueKind.String ? example.GetString()! : example.GetRawText(), Encoding.UTF8, type.Name);
            using var response = await user.Client.SendAsync(request);

            // Refused it may be for what it names, which is not there, but not for its form.
            Assert.False(response.StatusCode == HttpStatusCode.BadRequest, $"{operation} → {await response.Content.ReadAsStringAsync()}");
            document.AssertDeclares(response);
        }
    }

    [Fact]
    public async Task The_page_needs_nothing_from_elsewhere_and_its_login_gets_a_token()
    {
        using var client = api.First.CreateClient();
        var user = await api.First.CreateUserAsync();
        using var page = await client.GetAsync("/docs/index.html");
        var html = await page.Content.ReadAsStringAsync();
        var files = Reference().Matches(html).Select(match => match.Groups["file"].Value).ToList();

        Assert.Contains("default-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotMatch("""(src|href)="(https?:)?//""", html);
        Assert.True(files.Count >= 3, html);
        foreach (var file in files)
        {
            using var answer = await client.GetAsync($"/docs/{file}");
            Assert.True(answer.IsSuccessStatusCode, $"{file} → {answer.StatusCode}");
        }

        // As the page's Authorize button sends it.
        var document = await ApiDocument.ReadAsync(client);
        using var login = new HttpRequestMessage(HttpMethod.Post, "/auth/login");
        login.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(":"u8));
        login.Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "password",
            ["username"] = user.Name,
            ["password"] = ApiFactory.Password,
        });
        using var answered = await client.SendAsync(login);
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        document.AssertDeclares(answered);
    }

    [Fact]
    public async Task The_http_file_walks_every_route()
    {
        using var client = api.First.CreateClient();
        var document = await ApiDocument.ReadAsync(client);
        var file = await File.ReadAllTextAsync(Path.Combine(Folder(), "TaskTracker.Api", "tasktracker.http"));

        // A path with a variable in it is one of a route with an id.
        var walked = Request().Matches(file)
            .Select(match => document.Find(new HttpMethod(match.Groups["method"].Value), Variable().Replace(match.Groups["target"].Value, "0")))
            .ToHashSet();

        Assert.Empty(document.Operations.Except(walked!).Select(operation => $"{operation}"));

        static string Folder()
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at.FullName, "TaskTracker.sln")))
            {
                at = at.Parent!;
            }

            return at.FullName;
        }
    }

    [GeneratedRegex(@"^(?<method>[A-Z]+) \{\{host\}\}(?<target>/\S*)", RegexOptions.Multiline)]
    private static partial Regex Request();

    [GeneratedRegex(@"\{\{[^}]*\}\}")]
    private static partial Regex Variable();

    [GeneratedRegex("""(?:src|href)="(?:\./)?(?<file>[^"#]+)"[ />]""")]
    private static partial Regex Reference();
}
