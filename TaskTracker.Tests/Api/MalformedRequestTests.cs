using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Tests.Api;

/// <summary>
/// Requests that cannot be right, made at random. <c>TASKTRACKER_MALFORMED_REQUESTS</c> is how many (20,000 in CI),
/// <c>TASKTRACKER_MALFORMED_SEED</c> repeats a run that failed.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class MalformedRequestTests(ApiFixture api)
{
    private static readonly int s_count = Read("TASKTRACKER_MALFORMED_REQUESTS", 3_000);
    private static readonly int s_seed = Read("TASKTRACKER_MALFORMED_SEED", Environment.TickCount);

    private static readonly string[] s_bodies =
    [
        "", "{", "null", "[]", "5", "\"text\"", "{}x", "{\"title\":", "{\"title\":null}", "{\"title\":5}", "{\"title\":{}}", "{\"title\":\"\"}", "{\"title\":\"\\u0000\"}",
        "{\"title\":\"\\ud800\"}", "{\"title\":\"a\",\"title\":\"b\"}", "{\"title\":\"a\",\"deadline\":1e400}", "{\"title\":\"a\",\"deadline\":\"0000-00-00\"}",
        "{\"title\":\"a\",\"deadline\":\"99999-01-01T00:00:00Z\"}", "{\"title\":\"a\",\"description\":[1]}", "{\"title\":\"a\",\"completed\":\"yes\",\"deadline\":\"x\"}",
        "{\"completed\":null}", "{\"completed\":1e999}", "{\"username\":\"\\u0000\",\"email\":\"x\",\"password\":\"y\"}", "{\"refresh_token\":5}",
        $"{{\"title\":\"{new string('x', 3_000)}\"}}", new string('[', 200),
    ];

    private static readonly string[] s_values =
        ["%00", "%ff%fe", "-1", "0", "99999999999999999999", "1e9", "NaN", "null", "%F0%9F%92%A9", "'%3B--", "..%2f..", "true%00", "2030-13-45", "", "%ED%A0%80", "a,b", "+"];

    // A path with NUL does not get through the server.
    private static readonly string[] s_segments = [.. s_values.Where(value => !value.Contains("%00", StringComparison.Ordinal))];

    private static readonly string[] s_fields = ["limit", "completed", "overdue", "due_before", "due_after", "sort", "cursor"];

    [Fact]
    public async Task Every_malformed_request_is_refused_with_a_problem_and_stores_nothing()
    {
        var user = await api.First.CreateUserAsync();
        var stranger = await api.First.CreateUserAsync();
        var theirs = await stranger.Client.CreateTaskAsync("theirs");
        var random = new Random(s_seed);
        using var anybody = api.Second.CreateClient();

        for (var i = 0; i < s_count; i++)
        {
            using var request = Next(random, theirs);
            var described = $"Seed {s_seed}, request {i}: {request.Method} {request.RequestUri}";
            using var response = await (random.Next(20) == 0 ? anybody : user.Client).SendAsync(request);

            var body = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode < 500, $"{described} → {(int)response.StatusCode} {body}");
            Assert.DoesNotContain("theirs", body, StringComparison.Ordinal);
            if (!response.IsSuccessStatusCode)
            {
                Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{described} → {(int)response.StatusCode} {body}");
                Assert.True(JsonDocument.Parse(body).RootElement.GetProperty("detail").GetString()!.Length > 0, described);
            }
            else
            {
                // A value may happen to be right for its field, but then it only reads.
                Assert.True(request.Method == HttpMethod.Get, $"{described} → {(int)response.StatusCode} {body}");
            }
        }

        Assert.Equal(0, await api.First.WithDatabaseAsync(db => db.Tasks.CountAsync(task => task.OwnerId == user.Id)));
        Assert.Equal(["theirs"], await stranger.Client.GetTitlesAsync());
    }

    private static HttpRequestMessage Next(Random random, long theirs)
    {
        string Any(string[] of) => of[random.Next(of.Length)];

        var request = random.Next(6) switch
        {
            0 => new HttpRequestMessage(HttpMethod.Get, $"/{Any(["tasks", "notifications"])}?{Any(s_fields)}={Any(s_values)}&{Any(s_fields)}={Any(s_values)}"),
            1 => new HttpRequestMessage(HttpMethod.Get, $"/tasks/{(random.Next(2) == 0 ? $"{theirs}" : $"x{Any(s_segments)}")}"),
            2 => new HttpRequestMessage(Any(["PUT", "DELETE"]) == "PUT" ? HttpMethod.Put : HttpMethod.Delete, $"/tasks/{theirs}"),
            3 => new HttpRequestMessage(HttpMethod.Post, $"/notifications/{random.NextInt64()}/read"),
            4 => new HttpRequestMessage(HttpMethod.Get, $"/tasks?q={new string('x', random.Next(201, 9_000))}"),
            _ => new HttpRequestMessage(HttpMethod.Post, Any(["/tasks", "/tasks/create_task", "/auth/register", "/auth/login", "/auth/refresh"])),
        };

        if (request.Method == HttpMethod.Post || request.Method == HttpMethod.Put)
        {
            var bytes = Encoding.UTF8.GetBytes(Any(s_bodies));
            if (random.Next(5) == 0)
            {
                bytes = [.. "{\"title\":\""u8, 0xff, 0xc0, .. bytes];
            }

            request.Content = new ByteArrayContent(bytes);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Any(["application/json", "application/json", "application/json", "text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded", "nonsense", ""]));
        }

        switch (random.Next(8))
        {
            case 0:
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Any(["forged", "CfDJ8", new string('A', 500)]));
                break;
            case 1:
                request.Headers.TryAddWithoutValidation("If-Match", Any(["x", "\"", "W/", "*, *", "\"1-1\""]));
                break;
            case 2:
                request.Headers.TryAddWithoutValidation("Idempotency-Key", new string('k', random.Next(201, 2_000)));
                break;
        }

        return request;
    }

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
