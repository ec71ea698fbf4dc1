using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using TaskTracker.Api.Accounts;
using TaskTracker.Data.Accounts;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Contract;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Malformed;

/// <summary>
/// Requests that cannot be right, made at random and sent to a replica on a real port. <c>TASKTRACKER_MALFORMED_REQUESTS</c> is
/// how many, <c>TASKTRACKER_MALFORMED_SEED</c> repeats a run that failed.
/// </summary>
[Collection(MeasuresMemory.Name)]
public sealed class MalformedRequestTests(MalformedRequestTests.Attacked attacked, ITestOutputHelper output) : IClassFixture<MalformedRequestTests.Attacked>
{
    private static readonly int s_count = Read("TASKTRACKER_MALFORMED_REQUESTS", 20_000);
    private static readonly int s_seed = Read("TASKTRACKER_MALFORMED_SEED", Environment.TickCount);

    [Fact]
    public async Task Every_malformed_request_is_refused_with_a_problem_that_names_the_field_and_stores_nothing()
    {
        using var client = attacked.Api.CreateClient();
        var document = await ApiDocument.ReadAsync(client);
        var requests = new MalformedRequests(document, attacked.Mine, attacked.Theirs, attacked.Tokens);
        var before = await CountRowsAsync();
        var failures = new ConcurrentDictionary<string, string>();
        var sent = new ConcurrentDictionary<string, int>();
        var heap = new List<long>();

        foreach (var part in Enumerable.Range(0, s_count).Chunk((s_count / 3) + 1))
        {
            await Parallel.ForEachAsync(part, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, cancellationToken) =>
            {
                var request = requests.Create(s_seed, number);
                sent.AddOrUpdate($"{request.Operation}", 1, (_, count) => count + 1);

                // Some arrive twice at the same moment.
                var answers = await Task.WhenAll(Enumerable.Range(0, number % 20 == 0 ? 2 : 1).Select(async _ =>
                {
                    using var message = request.ToMessage(client.BaseAddress!);
                    using var response = await client.SendAsync(message, cancellationToken);
                    return await JudgeAsync(document, request, response);
                }));
                foreach (var failure in answers.OfType<string>())
                {
                    failures.TryAdd(failure.Split('\n')[0], $"request {number}: {request}\n{failure}");
                }
            });
            heap.Add(Measure());
        }

        output.WriteLine($"{s_count} requests over {sent.Count} routes, at least {sent.Values.Min()} each; managed heap after each third: {string.Join(", ", heap.Select(bytes => $"{bytes / 1e6:0.0} MB"))}");
        Assert.True(failures.IsEmpty, $"Seed {s_seed}, {failures.Count} kinds of failure:\n{string.Join("\n\n", failures.Values.Take(40))}");
        Assert.Equal(document.Operations.Count, sent.Count);
        Assert.Equal(before, await CountRowsAsync());
        Assert.Equal(attacked.Theirs.Word, (await attacked.Theirs.User.Client.GetFromJsonAsync<JsonElement>($"/tasks/{attacked.Theirs.Task}")).GetProperty("title").GetString());
        Assert.True(heap[^1] < (heap[0] * 1.5) + 16e6, $"The managed heap grew from {heap[0]} to {heap[^1]} bytes.");
    }

    [Theory]
    [MemberData(nameof(BrokenHttp))]
    public async Task What_is_hardly_HTTP_is_refused_and_harms_nobody(string what, string request)
    {
        var before = await CountRowsAsync();
        using var client = attacked.Api.CreateClient();
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, client.BaseAddress!.Port);
        socket.ReceiveTimeout = 20_000;
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request.Replace("TOKEN", $"Bearer {attacked.Mine.User.AccessToken}", StringComparison.Ordinal)));
        socket.Client.Shutdown(SocketShutdown.Send);

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var answer = "";
        try
        {
            answer = await reader.ReadToEndAsync(limit.Token);
        }
        catch (IOException)
        {
            // Closed, as below.
        }

        // Where not even the end of the request could be told, the connection is closed without a word.
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 505 ", StringComparison.Ordinal), $"{what}: {answer}");
        Assert.Equal(before, await CountRowsAsync());
        using var alive = await client.GetAsync("/alive");
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
    }

    public static TheoryData<string, string> BrokenHttp => new()
    {
        { "NUL in a path", "GET /tasks/%00 HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nConnection: close\r\n\r\n" },
        { "raw bytes in a path", "GET /tasks/\u00ff\u00fe HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nConnection: close\r\n\r\n" },
        { "no host", "GET /tasks HTTP/1.1\r\nAuthorization: TOKEN\r\nConnection: close\r\n\r\n" },
        { "two hosts", "GET /tasks HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n" },
        { "another version", "GET /tasks HTTP/9.9\r\nHost: a\r\n\r\n" },
        { "no version", "GET /tasks\r\n\r\n" },
        { "NUL in a header", "GET /tasks HTTP/1.1\r\nHost: a\r\nX: a\0b\r\nConnection: close\r\n\r\n" },
        { "a header without a name", "GET /tasks HTTP/1.1\r\nHost: a\r\n: b\r\nConnection: close\r\n\r\n" },
        { "a header that is not UTF-8", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nIdempotency-Key: \u00ff\u00fe\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" },
        { "a header that is too long", $"GET /tasks HTTP/1.1\r\nHost: a\r\nX: {new string('x', 100_000)}\r\nConnection: close\r\n\r\n" },
        { "too many headers", $"GET /tasks HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 200).Select(i => $"X{i}: a\r\n"))}Connection: close\r\n\r\n" },
        { "a line that is too long", $"GET /tasks?q={new string('x', 100_000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" },
        { "a length that is no number", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n{}" },
        { "a length below zero", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}" },
        { "a length and chunks", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nx\r\n" },
        { "chunks that are none", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n" },
        { "less than was promised", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"title\":" },
        { "another coding", "POST /tasks HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n" },
        { "TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003" },
        { "noise", "\u0000\u0001\u0002\u0003\r\n\r\n" },
    };

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_however_it_comes()
    {
        using var client = attacked.Api.CreateClient();
        client.Authorize(attacked.Mine.User);
        var before = await CountRowsAsync();
        var document = await ApiDocument.ReadAsync(client);

        foreach (var operation in document.Operations.Where(operation => operation.Body is not null && !operation.NeedsRole))
        {
            foreach (var chunked in (bool[])[false, true])
            {
                using var message = new HttpRequestMessage(new HttpMethod(operation.Method), attacked.Mine.Fill(operation.Path));
                message.Content = new ByteArrayContent([.. "{\"title\":\""u8, .. Enumerable.Repeat((byte)'x', 1024 * 1024)]);
                message.Content.Headers.TryAddWithoutValidation("Content-Type", operation.Content!.Value.Name);
                message.Headers.TransferEncodingChunked = chunked;

                // The server closes the connection on whoever goes on sending, and its answer may get lost with that.
                message.Headers.ExpectContinue = true;
                using var response = await client.SendAsync(message);
                var text = await response.Content.ReadAsStringAsync();

                // A form is refused by its own, smaller limits, where they come first.
                Assert.True(response.StatusCode is HttpStatusCode.RequestEntityTooLarge || (response.StatusCode == HttpStatusCode.BadRequest && operation.Path == "/auth/login"), $"{operation} → {text}");
                Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            }
        }

        Assert.Equal(before, await CountRowsAsync());
    }

    [Fact]
    public async Task Of_equal_requests_at_the_same_moment_one_does_it_and_the_others_are_told_so()
    {
        using var client = attacked.Api.CreateClient();
        client.Authorize(attacked.Mine.User);
        var name = $"user-{Guid.NewGuid():N}";
        var task = await client.CreateTaskAsync("deleted once");
        var before = await CountRowsAsync();

        var registered = await TogetherAsync(_ => client.PostAsJsonAsync("/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password }));
        var deleted = await TogetherAsync(_ => client.DeleteAsync($"/tasks/{task}"));
        var created = await TogetherAsync(i => SendAsync("/tasks", new { title = $"task {i}" }));
        var exported = await TogetherAsync(i => SendAsync($"/tasks/export?export_format={(i % 2 == 0 ? "csv" : "json")}", null));
        var updated = await TogetherAsync(i => SendAsync("/tasks/bulk-update", new { task_ids = new[] { i }, update_data = new { completed = true } }));
        var after = await CountRowsAsync();

        Assert.Equal([200, 400, 400, 400, 400, 400, 400, 400], registered);
        Assert.Equal([200, 404, 404, 404, 404, 404, 404, 404], deleted);
        Assert.Equal([201, 422, 422, 422, 422, 422, 422, 422], created);
        Assert.Equal([202, 202, 202, 202, 422, 422, 422, 422], exported);
        Assert.Equal([202, 422, 422, 422, 422, 422, 422, 422], updated);
        Assert.Equal(before["users"] + 1, after["users"]);
        Assert.Equal(before["tasks"], after["tasks"]);
        Assert.Equal(before["operations"] + 2, after["operations"]);
        Assert.Equal(before["idempotent_answers"] + 3, after["idempotent_answers"]);

        static async Task<int[]> TogetherAsync(Func<int, Task<HttpResponseMessage>> send) =>
            [.. (await Task.WhenAll(Enumerable.Range(0, 8).Select(send))).Select(response => (int)response.StatusCode).Order()];

        async Task<HttpResponseMessage> SendAsync(string url, object? body)
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, url) { Content = body is null ? null : JsonContent.Create(body) };
            message.Headers.Add("Idempotency-Key", $"{url.Split('?')[0]} once");
            return await client.SendAsync(message);
        }
    }

    private static async Task<string?> JudgeAsync(ApiDocument document, MalformedRequest request, HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        var text = await response.Content.ReadAsStringAsync();
        if (status is < 400 or > 499)
        {
            return $"{request.Operation} ({request.What}) → {status}\n{text}";
        }

        if (request.Status is { } expected && status != expected)
        {
            return $"{request.Operation} ({request.What}) → {status}, not {expected}\n{text}";
        }

        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            return $"{request.Operation} ({request.What}) → {status} as {response.Content.Headers.ContentType}\n{text}";
        }

        var problem = JsonDocument.Parse(text).RootElement;
        if (!problem.TryGetProperty("detail", out var detail) || detail.GetString() is not { Length: > 0 })
        {
            return $"{request.Operation} ({request.What}) → {status} without a detail\n{text}";
        }

        if (request.Field is { } field && !(problem.TryGetProperty("errors", out var errors)
            && errors.EnumerateObject().Any(error => error.Name.StartsWith(field, StringComparison.Ordinal))))
        {
            return $"{request.Operation} ({request.What}) → {status} without naming '{field}'\n{text}";
        }

        // A method that is not there is no answer of a route.
        return status == 405 || request.Operation is not { } operation || operation.Declares(status)
            ? null
            : $"{request.Operation} → {status}, which it does not declare\n{text}";
    }

    private async Task<SortedDictionary<string, long>> CountRowsAsync()
    {
        var rows = new SortedDictionary<string, long>(StringComparer.Ordinal);
        await using var source = NpgsqlDataSource.Create(attacked.Database);
        var tables = new List<string>();
        await using (var list = source.CreateCommand("select relname from pg_stat_user_tables"))
        await using (var reader = await list.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                tables.Add(reader.GetString(0));
            }
        }

        foreach (var table in tables)
        {
            rows[table] = await OperationClient.QueryAsync<long>(attacked.Database, $"select count(*) from \"{table}\"");
        }

        return rows;
    }

    private static long Measure()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    /// <summary>One replica on a real port, and two users with things of every kind.</summary>
    public sealed class Attacked : IAsyncLifetime
    {
        public string Database { get; private set; } = "";

        public ApiFactory Api { get; private set; } = null!;

        internal Belongings Mine { get; private set; } = null!;

        internal Belongings Theirs { get; private set; } = null!;

        internal BadTokens Tokens { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Database = await Servers.CreateDatabaseAsync();
            var redis = await Servers.GetRedisAsync();

            // Only for what they must have done before: afterwards nobody but the requests could store anything.
            await using var jobs = new JobsHost(Database) { Redis = redis };
            await JobsHost.StartAsync(jobs);
            Api = new ApiFactory(Database, redis, settings: new Dictionary<string, string> { ["Logging:LogLevel:Default"] = "None" });
            Api.UseKestrel(0);
            Api.StartServer();
            Mine = await Belongings.CreateAsync(Api, Database);
            Theirs = await Belongings.CreateAsync(Api, Database);
            Tokens = await MakeBadTokensAsync();
        }

        public async Task DisposeAsync() => await Api.DisposeAsync();

        private async Task<BadTokens> MakeBadTokensAsync()
        {
            var options = Api.Services.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>();
            var expired = new AccessTokens(options, new FixedClock(DateTimeOffset.UtcNow.AddMinutes(-31)))
                .Create(new User { Id = Mine.User.Id, UserName = Mine.User.Name }, Guid.NewGuid());
            var good = Mine.User.AccessToken;
            var changed = string.Create(good.Length, good, (letters, token) =>
            {
                token.CopyTo(letters);
                letters[token.Length / 2] = token[token.Length / 2] == 'A' ? 'B' : 'A';
            });
            var user = await Api.CreateUserAsync();
            using (await user.Client.RefreshAsync(user.RefreshToken))
            using (await user.Client.PostAsync("/auth/logout", null))
            {
            }

            return new(
                [
                    $"Bearer {expired}", $"Bearer {changed}", $"Bearer {good[..^1]}", $"Bearer {good[..(good.Length / 2)]}", $"Bearer {good[1..]}", $"Bearer {good}{good}",
                    "Bearer", "Bearer ", "Bearer forged", $"Bearer {new string('A', 4_000)}", $"Basic {good}", good, "Basic dXNlcjpwYXNzd29yZA==", $"Bearer {Mine.User.RefreshToken}",
                ],
                [user.RefreshToken, "forged", new string('A', 200), Mine.User.RefreshToken[..^1], $"{Mine.User.RefreshToken}A", Mine.User.AccessToken[..200]]);
        }
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

/// <summary>Runs alone: what others hold in memory at the same time would be measured, too.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuresMemory
{
    public const string Name = "Measures memory";
}
