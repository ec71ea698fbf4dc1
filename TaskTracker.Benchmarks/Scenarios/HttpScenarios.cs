using System.Net;
using System.Text.Json;
using TaskTracker.Benchmarks.Load;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;
using TaskTracker.Tests;
using TaskTracker.Tests.Chaos;

namespace TaskTracker.Benchmarks.Scenarios;

/// <summary>What users wait for: reads from the cache and without it, and writes.</summary>
internal static class HttpScenarios
{
    private const string List = "/tasks/get_tasks";
    private const string Page = "/tasks?limit=50";

    // Nothing of it is read: with another number it is another request, which nobody has asked before.
    private const string ColdPage = $"{Page}&number={HttpLoad.NewNumber}";

    private const string NewTask = $$"""{"title":"Return the book {{HttpLoad.NewNumber}}","description":"To the library.","deadline":"2036-01-01T12:00:00Z"}""";

    // Before any load, on one connection.
    private const int FirstRequests = 100;

    // Typical users, from the second of the seed on; the first is the busy one. Whoever reads never writes, so what is cached stays right.
    private static readonly Range s_readers = 1..33;
    private static readonly Range s_writers = 33..65;

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("list", $"`GET {List}`, 100 tasks, warm", bench => WarmAsync(bench, _ => List)),
        new("list-304", $"`GET {List}`, 100 tasks, warm, `If-None-Match`", bench => WarmAsync(bench, _ => List, isConditional: true)),
        new("task", "`GET /tasks/{id}`, warm", async bench => await WarmAsync(bench, await TasksOfAsync(bench))),
        new("task-304", "`GET /tasks/{id}`, warm, `If-None-Match`", async bench => await WarmAsync(bench, await TasksOfAsync(bench), isConditional: true)),
        new("statistics", "`GET /tasks/statistics`, warm", bench => WarmAsync(bench, _ => "/tasks/statistics")),
        new("statistics-304", "`GET /tasks/statistics`, warm, `If-None-Match`", bench => WarmAsync(bench, _ => "/tasks/statistics", isConditional: true)),
        new("page-cold", $"`GET {Page}`, cold", ColdPageAsync),
        new("statistics-cold", "`GET /tasks/statistics`, 10,000 tasks, cold", ColdStatisticsAsync),
        new("create", "`POST /tasks` with deadline", CreateAsync),
        new("growth", "10 and 100 times as many tasks", GrowthAsync),
        new("telemetry", $"`GET {List}`, telemetry sent", TelemetryAsync),
    ];

    /// <summary>A mix of everything, as people use it: of twenty requests one creates a task.</summary>
    public static async Task<HttpLoad> MixAsync(Bench bench)
    {
        var server = bench.Api.Client.BaseAddress!;
        var taskOf = await TasksOfAsync(bench);
        var (readers, writers) = (await bench.Users.GetAsync(s_readers, bench.Cancelled), await bench.Users.GetAsync(s_writers, bench.Cancelled));

        return new(server, [.. readers.Zip(writers).SelectMany(pair => (string[])
        [
            .. Enumerable.Repeat(HttpLoad.Request("GET", server, List, pair.First.Token), 9),
            .. Enumerable.Repeat(HttpLoad.Request("GET", server, taskOf(pair.First.Id), pair.First.Token), 5),
            .. Enumerable.Repeat(HttpLoad.Request("GET", server, "/tasks/statistics", pair.First.Token), 2),
            .. Enumerable.Repeat(HttpLoad.Request("GET", server, Page, pair.Second.Token), 2),
            HttpLoad.Request("GET", server, ColdPage, pair.First.Token),
            HttpLoad.Request("POST", server, "/tasks", pair.Second.Token, json: NewTask),
        ])]);
    }

    private static async Task<IReadOnlyList<Row>> WarmAsync(Bench bench, Func<int, string> targetOf, bool isConditional = false)
    {
        var users = await bench.Users.GetAsync(s_readers, bench.Cancelled);
        List<string> ours = [];
        List<string> bare = [];
        List<string> redis = [];
        var length = 0;
        foreach (var (place, user) in users.Index())
        {
            var target = targetOf(user.Id);
            using var answer = await WarmUpAsync(bench.Api, target, user, bench.Cancelled);
            await bench.Reference.LearnAsync(place, answer, bench.Cancelled);
            var tag = isConditional ? answer.Headers.ETag?.ToString() ?? throw new BenchmarkException($"GET {target} has no ETag.") : null;
            length = Math.Max(length, (await answer.Content.ReadAsByteArrayAsync(bench.Cancelled)).Length);
            ours.Add(HttpLoad.Request("GET", bench.Api.Client.BaseAddress!, target, user.Token, tag));
            bare.Add(HttpLoad.Request("GET", bench.Reference.Address, $"/bare/{place}", user.Token, tag));
            redis.Add(HttpLoad.Request("GET", bench.Reference.Address, $"/redis/{place}", user.Token, tag));
        }

        int? expected = isConditional ? 0 : length;
        return await CompareAsync(
            bench,
            new("API", new(bench.Api.Client.BaseAddress!, ours, expected)),
            new("bare endpoint", new(bench.Reference.Address, bare, expected), Goal.RatioAtLeast(0.6), Goal.TailAtMost(3)),
            new("one Redis `GET`", new(bench.Reference.Address, redis, expected), Goal.RatioAtLeast(0.9), Goal.TailAtMost(3)));
    }

    private static async Task<IReadOnlyList<Row>> ColdPageAsync(Bench bench)
    {
        var users = await bench.Users.GetAsync(s_readers, bench.Cancelled);
        using var answer = await AskAsync(bench.Api, Page, users[0], bench.Cancelled);
        var ours = await answer.Content.ReadAsByteArrayAsync(bench.Cancelled);
        var reference = await bench.Reference.GetAsync($"/page/{users[0].Id}", bench.Cancelled);
        if (ItemsOf(ours) != ItemsOf(reference))
        {
            throw new BenchmarkException("The reference's page of tasks is not the API's: TaskPage must read what the API reads.");
        }

        return await CompareAsync(
            bench,
            new("API", ReadsOf(bench.Api, ColdPage, users) with { AnswerLength = ours.Length }),
            new Loaded(
                "the same SQL, Npgsql alone",
                new(
                    bench.Reference.Address,
                    [.. users.Select(user => HttpLoad.Request("GET", bench.Reference.Address, $"/page/{user.Id}?number={HttpLoad.NewNumber}", user.Token))],
                    reference.Length),
                Goal.RatioAtLeast(0.7)));

        static string ItemsOf(byte[] page) => JsonDocument.Parse(page).RootElement.GetProperty("items").GetRawText();
    }

    private static async Task<IReadOnlyList<Row>> ColdStatisticsAsync(Bench bench)
    {
        var busy = (await bench.Users.GetAsync(0..1, bench.Cancelled))[0];
        await using var find = bench.Database.CreateCommand($"select min(id) from tasks where owner_id = {busy.Id}");
        var task = $"/tasks/{await find.ExecuteScalarAsync(bench.Cancelled)}";

        await Timing.RepeatAsync(bench, PrepareAsync, AskForStatisticsAsync);
        await Timing.RepeatAsync(bench, PrepareAsync, CountAsync);

        return await Comparison.RunAsync(
            bench,
            Unit.Milliseconds,
            new("API", () => Timing.RepeatAsync(bench, PrepareAsync, AskForStatisticsAsync)),
            new Contender("the bare SQL", () => Timing.RepeatAsync(bench, PrepareAsync, CountAsync), Goal.RatioAtMost(1.5)));

        // A change puts every number out of date, in the cache and in the table.
        Task PrepareAsync(int number) => ChangeAsync(bench.Api, busy, task, $$"""{"title":"Count {{number}}"}""", bench.Cancelled);

        async Task AskForStatisticsAsync()
        {
            using var answer = await AskAsync(bench.Api, "/tasks/statistics", busy, bench.Cancelled);
        }

        async Task CountAsync()
        {
            await using var count = bench.Database.CreateCommand(
                """
                select count(*), count(*) filter (where completed), count(*) filter (where not completed and deadline <= $2),
                    min(deadline) filter (where not completed and deadline > $2)
                from tasks where owner_id = $1
                """);
            count.Parameters.AddWithValue(busy.Id);
            count.Parameters.AddWithValue(DateTime.UtcNow);
            await count.ExecuteNonQueryAsync(bench.Cancelled);
        }
    }

    private static async Task<IReadOnlyList<Row>> CreateAsync(Bench bench)
    {
        var writers = await bench.Users.GetAsync(s_writers, bench.Cancelled);
        var ours = WritesOf(bench.Api, writers);
        await WarmUpAsync(bench, ours);

        return await Comparison.RunAsync(
            bench,
            Unit.PerSecond,
            new("API", () => RunAsync(bench, ours, bench.Options.Round)),
            new Contender("pgbench, the same two inserts in one transaction", () => bench.PgBench.RunAsync(
                bench.ConnectionString,
                $"""
                \set owner random({writers[0].Id}, {writers[^1].Id})
                begin;
                insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
                values (:owner, 'Return the book', 'To the library.', false, '2036-01-01 12:00:00Z', now(), now()) returning id \gset
                insert into reminders (task_id, lead_time, due_at) values (:id, '1 day', '2035-12-31 12:00:00Z');
                commit;
                """,
                RunOptions.Clients,
                bench.Options.Round,
                bench.Cancelled), Goal.RatioAtLeast(0.5)));
    }

    // Three systems at once, so that rounds can alternate.
    private static async Task<IReadOnlyList<Row>> GrowthAsync(Bench bench)
    {
        var goal = new Goal("cost ≤ 1.3 ×", row => row.Ratio >= 1 / 1.3);
        List<(int Tasks, Tracker Tracker)> sizes = [(bench.Options.Tasks, bench.Main)];
        int[] smaller = [bench.Options.Tasks / 10, bench.Options.Tasks / 100];
        foreach (var (tasks, added) in smaller.Zip(await Task.WhenAll(smaller.Select(tasks => bench.AddTrackerAsync($"-{tasks}", (tasks / SeedData.TasksOfUser) + 1, tasks)))))
        {
            bench.Stop(added.Jobs);
            sizes.Add((tasks, added.Tracker));
        }

        List<Loaded> pages = [];
        List<Loaded> writes = [];
        foreach (var (tasks, tracker) in sizes)
        {
            // As many of each, for the smallest has ten typical users only; of the main one the readers must not write.
            var first = tracker == bench.Main ? s_writers.Start.Value : 1;
            var users = await tracker.Users.GetAsync(first..(first + 8), bench.Cancelled);
            pages.Add(new($"a page of 50, cold, of {tasks:N0}", ReadsOf(tracker.Api, ColdPage, users), goal));
            writes.Add(new($"a new task beside {tasks:N0}", WritesOf(tracker.Api, users), goal));
        }

        List<Row> rows = [.. await CompareAsync(bench, pages[0], [.. pages.Skip(1)]), .. await CompareAsync(bench, writes[0], [.. writes.Skip(1)])];
        foreach (var (_, tracker) in sizes.Skip(1))
        {
            bench.Stop(tracker.Api);
        }

        return rows;
    }

    private static async Task<IReadOnlyList<Row>> TelemetryAsync(Bench bench)
    {
        var users = await bench.Users.GetAsync(s_readers, bench.Cancelled);
        var telling = await bench.StartReplicaAsync(
            "api-telemetry", "TaskTracker.Api", ("OTEL_EXPORTER_OTLP_ENDPOINT", bench.Reference.Address.ToString()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        foreach (var user in users)
        {
            (await WarmUpAsync(telling, List, user, bench.Cancelled)).Dispose();
        }

        var before = await bench.Reference.ReceivedAsync(bench.Cancelled);
        var rows = await CompareAsync(
            bench,
            new("API, traces, metrics and logs sent to a collector", ReadsOf(telling, List, users)),
            new Loaded("API, nothing sent", ReadsOf(bench.Api, List, users), Goal.RatioAtLeast(0.9)));
        // Traces and logs leave every five seconds: a single short round ends before.
        await Eventually.TrueAsync(
            "telemetry has reached the collector, whose cost was to be measured", async () => await bench.Reference.ReceivedAsync(bench.Cancelled) != before);

        bench.Stop(telling);
        return rows;
    }

    private static async Task<IReadOnlyList<Row>> CompareAsync(Bench bench, Loaded ours, params Loaded[] references)
    {
        foreach (var side in (Loaded[])[ours, .. references])
        {
            await WarmUpAsync(bench, side.Load);
        }

        Contender[] contenders = [.. ((Loaded[])[ours, .. references]).Select(side =>
            new Contender(side.Name, () => RunAsync(bench, side.Load, bench.Options.Round), side.Goals))];
        return await Comparison.RunAsync(bench, Unit.PerSecond, contenders[0], contenders[1..]);
    }

    // The very first request of a kind takes its time, and on a busy machine more than a warm-up is long.
    private static async Task WarmUpAsync(Bench bench, HttpLoad load)
    {
        using (var connection = new RawConnection(load.Server))
        {
            for (var i = 0; i < FirstRequests; i++)
            {
                var request = load.Requests[i % load.Requests.Count];
                var status = await connection.AskAsync(request.Replace(HttpLoad.NewNumber, $"{i:0000000000}", StringComparison.Ordinal), bench.Cancelled);
                if (status >= 400)
                {
                    throw new BenchmarkException($"{request.Split("\r\n")[0]} was answered with {status}.");
                }
            }
        }

        if (bench.Options.WarmUp > TimeSpan.Zero)
        {
            await RunAsync(bench, load, bench.Options.WarmUp);
        }
    }

    private static Task<Sample> RunAsync(Bench bench, HttpLoad load, TimeSpan duration) => bench.Wrk.RunAsync(load, RunOptions.Clients, duration, bench.Cancelled);

    private static HttpLoad ReadsOf(Replica api, string target, IEnumerable<LoggedInUser> users) =>
        new(api.Client.BaseAddress!, [.. users.Select(user => HttpLoad.Request("GET", api.Client.BaseAddress!, target, user.Token))]);

    private static HttpLoad WritesOf(Replica api, IEnumerable<LoggedInUser> users) =>
        new(api.Client.BaseAddress!, [.. users.Select(user => HttpLoad.Request("POST", api.Client.BaseAddress!, "/tasks", user.Token, json: NewTask))]);

    // The target of one task of each reader, by the reader's number.
    private static async Task<Func<int, string>> TasksOfAsync(Bench bench)
    {
        await using var find = bench.Database.CreateCommand("select owner_id, min(id) from tasks where owner_id between $1 and $2 group by owner_id");
        find.Parameters.AddWithValue(bench.FirstUser + s_readers.Start.Value);
        find.Parameters.AddWithValue(bench.FirstUser + s_readers.End.Value);
        await using var rows = await find.ExecuteReaderAsync(bench.Cancelled);
        Dictionary<int, long> tasks = [];
        while (await rows.ReadAsync(bench.Cancelled))
        {
            tasks.Add(rows.GetInt32(0), rows.GetInt64(1));
        }

        return user => $"/tasks/{tasks[user]}";
    }

    // The second answer is the cache's.
    private static async Task<HttpResponseMessage> WarmUpAsync(Replica api, string target, LoggedInUser user, CancellationToken cancellationToken)
    {
        (await AskAsync(api, target, user, cancellationToken)).Dispose();
        return await AskAsync(api, target, user, cancellationToken);
    }

    private static Task<HttpResponseMessage> AskAsync(Replica api, string target, LoggedInUser user, CancellationToken cancellationToken) =>
        SendAsync(api, new(HttpMethod.Get, target), user, cancellationToken);

    private static async Task ChangeAsync(Replica api, LoggedInUser user, string target, string json, CancellationToken cancellationToken)
    {
        using var content = new StringContent(json, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
        using var answer = await SendAsync(api, new(HttpMethod.Put, target) { Content = content }, user, cancellationToken);
    }

    private static async Task<HttpResponseMessage> SendAsync(Replica api, HttpRequestMessage request, LoggedInUser user, CancellationToken cancellationToken)
    {
        using (request)
        {
            request.Headers.Authorization = new("Bearer", user.Token);
            var answer = await api.Client.SendAsync(request, cancellationToken);
            return answer.StatusCode == HttpStatusCode.OK
                ? answer
                : throw new BenchmarkException($"{request.Method} {request.RequestUri} was answered with {(int)answer.StatusCode}.");
        }
    }

    private sealed record Loaded(string Name, HttpLoad Load, params Goal[] Goals);
}
