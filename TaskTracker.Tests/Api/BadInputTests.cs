using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class BadInputTests(ApiFixture api)
{
    private const string Json = "application/json";
    private const string Form = "application/x-www-form-urlencoded";

    public static TheoryData<string, string, string?, string?, int, string?> Refused => new()
    {
        // method, path, content type, body, status, field
        { "POST", "/tasks", Json, "", 400, "body" },
        { "POST", "/tasks", Json, "{", 400, "body" },
        { "POST", "/tasks", Json, "null", 400, "body" },
        { "POST", "/tasks", Json, "[]", 400, "body" },
        { "POST", "/tasks", Json, "\"title\"", 400, "body" },
        { "POST", "/tasks", Json, "{}", 400, "title" },
        { "POST", "/tasks", Json, """{"title":null}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":5}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":["a"]}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":""}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":"   "}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":"a\u0000b"}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":"\ud800"}""", 400, "title" },
        { "POST", "/tasks", Json, """{"title":"a","title":"b"}""", 400, "title" },
        { "POST", "/tasks", Json, $$"""{"title":"{{new string('x', 201)}}"}""", 400, "title" },
        { "POST", "/tasks", Json, $$"""{"title":"a","description":"{{new string('x', 10_001)}}"}""", 400, "description" },
        { "POST", "/tasks", Json, """{"title":"a","description":"\u0000"}""", 400, "description" },
        { "POST", "/tasks", Json, """{"title":"a","deadline":"tomorrow"}""", 400, "deadline" },
        { "POST", "/tasks", Json, """{"title":"a","deadline":1893456000}""", 400, "deadline" },
        { "POST", "/tasks", Json, """{"title":"a","deadline":"0001-01-01T00:00:00+14:00"}""", 400, "deadline" },
        { "POST", "/tasks", "text/plain", "title=a", 415, null },
        { "POST", "/tasks/create_task", Json, "{}", 400, "title" },
        { "GET", "/tasks?limit=0", null, null, 400, "limit" },
        { "GET", "/tasks?limit=201", null, null, 400, "limit" },
        { "GET", "/tasks?limit=ten", null, null, 400, "limit" },
        { "GET", "/tasks?limit=99999999999999999999", null, null, 400, "limit" },
        { "GET", "/tasks?completed=perhaps", null, null, 400, "completed" },
        { "GET", "/tasks?cursor=nonsense", null, null, 400, "cursor" },
        { "GET", "/tasks?cursor=%00", null, null, 400, "cursor" },
        { "GET", "/tasks?overdue=2", null, null, 400, "overdue" },
        { "GET", "/tasks?due_before=tomorrow", null, null, 400, "due_before" },
        { "GET", "/tasks?due_after=", null, null, 400, "due_after" },
        { "GET", "/tasks?sort=owner_id", null, null, 400, "sort" },
        { "GET", "/tasks?sort=%00", null, null, 400, "sort" },
        { "GET", "/tasks?q=%00", null, null, 400, "q" },
        { "GET", $"/tasks?q={new string('x', 201)}", null, null, 400, "q" },
        { "GET", $"/tasks?q={new string('x', 8_001)}", null, null, 414, null },
        { "GET", $"/tasks?sort=title&cursor={ForgedCursor("title:1:a\0")}", null, null, 400, "cursor" },
        { "GET", $"/tasks?sort=deadline&cursor={ForgedCursor("deadline:1:never")}", null, null, 400, "cursor" },
        { "GET", $"/tasks?sort=-title&cursor={ForgedCursor("title:1:a")}", null, null, 400, "cursor" },
        { "PUT", "/tasks/1", Json, "", 400, "body" },
        { "PUT", "/tasks/1", Json, """{"title":null}""", 400, "title" },
        { "PUT", "/tasks/1", Json, """{"title":""}""", 400, "title" },
        { "PUT", "/tasks/1", Json, """{"completed":null}""", 400, "completed" },
        { "PUT", "/tasks/1", Json, """{"completed":"yes"}""", 400, "completed" },
        { "PUT", "/tasks/1", Json, """{"deadline":"soon"}""", 400, "deadline" },
        { "PUT", "/tasks/0", Json, "{}", 404, null },
        { "PUT", "/tasks/99999999999999999999", Json, "{}", 404, null },
        { "DELETE", "/tasks/0", null, null, 404, null },
        { "GET", "/notifications?unread=maybe", null, null, 400, "unread" },
        { "GET", "/tasks/0", null, null, 404, null },
        { "GET", "/tasks/-1", null, null, 404, null },
        { "GET", "/tasks/abc", null, null, 404, null },
        { "GET", "/tasks/99999999999999999999", null, null, 404, null },
        { "PATCH", "/tasks", Json, "{}", 405, null },
        { "GET", "/nothing/here", null, null, 404, null },
        { "GET", "/notifications?limit=x", null, null, 400, "limit" },
        { "POST", "/notifications/9223372036854775807/read", null, null, 404, null },
        { "POST", "/auth/register", Json, """{"username":"","email":"a@example.com","password":"long enough"}""", 400, "username" },
        { "POST", "/auth/register", Json, """{"username":"a@b","email":"a@example.com","password":"long enough"}""", 400, "username" },
        { "POST", "/auth/register", Json, """{"username":"a","email":"nonsense","password":"long enough"}""", 400, "email" },
        { "POST", "/auth/register", Json, """{"username":"a","email":"a@example.com","password":"short"}""", 400, "password" },
        { "POST", "/auth/register", Json, """{"username":"a","email":"a@example.com","password":"aaaaaaaa"}""", 400, "password" },
        { "POST", "/auth/register", Json, """{"username":"a\u0000","email":"a@example.com","password":"long enough"}""", 400, "username" },
        { "POST", "/auth/login", Form, "username=a", 400, "password" },
        { "POST", "/auth/login", Form, "", 400, null },
        { "POST", "/auth/login", Form, "username=%00&password=b", 400, "body" },
        { "POST", "/auth/login", Json, """{"username":"a","password":"b"}""", 415, null },
        { "POST", "/auth/refresh", Json, "{}", 400, "refresh_token" },
        { "POST", "/auth/refresh", Json, """{"refresh_token":"nonsense"}""", 401, null },
    };

    private static string ForgedCursor(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Bad_input_is_refused_with_a_problem_that_names_the_field(
        string method, string path, string? type, string? body, int status, string? field)
    {
        var user = await api.First.CreateUserAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (type is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body!));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        using var response = await user.Client.SendAsync(request);

        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        if (field is not null)
        {
            Assert.True(problem.TryGetProperty("errors", out var errors) && errors.TryGetProperty(field, out _), text);
        }
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_are_refused()
    {
        var user = await api.First.CreateUserAsync();
        using var content = new ByteArrayContent([.. """{"title":" """u8, 0xff, 0xfe, .. "\"}"u8]);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(Json);

        using var response = await user.Client.PostAsync("/tasks", content);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task A_body_above_one_MiB_is_refused()
    {
        await using var factory = new ApiFactory(api.Database, api.Redis);
        factory.UseKestrel(0);
        factory.StartServer();
        var user = await factory.CreateUserAsync();

        using var response = await user.Client.PostAsJsonAsync("/tasks", new { title = "a", description = new string('x', 1024 * 1024) });

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task The_document_and_the_page_over_it_are_open_and_whole()
    {
        using var client = api.First.CreateClient();

        var document = await client.GetFromJsonAsync<JsonElement>("/openapi/v1.json");
        using var page = await client.GetAsync("/docs/index.html");

        Assert.True(document.GetProperty("paths").TryGetProperty("/tasks/{id}", out _));
        Assert.True(document.GetProperty("components").GetProperty("securitySchemes").TryGetProperty("BearerToken", out _));
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.DoesNotContain("https://", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_that_come_together_right_after_the_start_are_all_served()
    {
        await using var factory = new ApiFactory(await ApiFactory.CreateDatabaseAsync(), api.Redis);
        using var client = factory.CreateClient();

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => client.LogInAsync("nobody")));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode));
    }

    [Fact]
    public async Task Until_the_schema_is_current_data_routes_answer_503_and_health_says_why()
    {
        await using var factory = new ApiFactory(await Servers.CreateDatabaseAsync(), api.Redis);
        using var client = factory.CreateClient();

        using var refused = await client.LogInAsync("anybody");
        using var health = await client.GetAsync("/health");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Equal("migrating", (await health.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("database").GetString());
    }
}
