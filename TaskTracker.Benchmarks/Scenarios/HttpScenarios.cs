using System.Net;
using TaskTracker.Benchmarks.Load;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Scenarios;

/// <summary>What users wait for: reads from the cache and without it, and writes.</summary>
internal static class HttpScenarios
{
    // Typical users, from the second of the seed on; the first is the busy one. Whoever reads never writes, so what is cached stays right.
    private static readonly Range s_readers = 1..33;
    private static readonly Range s_writers = 33..65;

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("list", "`GET /tasks/get_tasks`, 100 tasks, warm", bench => WarmAsync(bench, _ => "/tasks/get_tasks", isConditional: false)),
    ];

    private static async Task<IReadOnlyList<Row>> WarmAsync(Bench bench, Func<int, string> targetOf, bool isConditional)
    {
        var users = await bench.Users.GetAsync(s_readers, bench.Cancelled);
        List<string> ours = [];
        List<string> bare = [];
        List<string> redis = [];
        var length = 0;
        foreach (var (place, user) in users.Index())
        {
            var target = targetOf(user.Id);
            // The second answer is the cache's.
            using (await AskAsync(bench, target, user))
            {
            }

            using var answer = await AskAsync(bench, target, user);
            await bench.Reference.LearnAsync(place, answer, bench.Cancelled);
            var tag = isConditional ? answer.Headers.ETag!.ToString() : null;
            length = Math.Max(length, (await answer.Content.ReadAsByteArrayAsync(bench.Cancelled)).Length);
            ours.Add(HttpLoad.Request("GET", bench.Api.Client.BaseAddress!, target, user.Token, tag));
            bare.Add(HttpLoad.Request("GET", bench.Reference.Address, $"/bare/{place}", user.Token, tag));
            redis.Add(HttpLoad.Request("GET", bench.Reference.Address, $"/redis/{place}", user.Token, tag));
        }

        return await CompareAsync(
            bench,
            new("API", new HttpLoad(bench.Api.Client.BaseAddress!, ours, isConditional ? 0 : length)),
            (new("bare endpoint", new HttpLoad(bench.Reference.Address, bare, isConditional ? 0 : length)), [Goal.RatioAtLeast(0.6), Goal.TailAtMost(3)]),
            (new("one Redis `GET`", new HttpLoad(bench.Reference.Address, redis, isConditional ? 0 : length)), [Goal.RatioAtLeast(0.9), Goal.TailAtMost(3)]));
    }

    private static async Task<IReadOnlyList<Row>> CompareAsync(Bench bench, Loaded ours, params (Loaded Loaded, Goal[] Goals)[] references)
    {
        foreach (var side in (Loaded[])[ours, .. references.Select(reference => reference.Loaded)])
        {
            await RunAsync(side, bench.Options.WarmUp);
        }

        return await Comparison.RunAsync(
            bench,
            Unit.PerSecond,
            new(ours.Name, () => RunAsync(ours, bench.Options.Round)),
            [.. references.Select(reference => new Contender(reference.Loaded.Name, () => RunAsync(reference.Loaded, bench.Options.Round), reference.Goals))]);

        Task<Sample> RunAsync(Loaded side, TimeSpan duration) => bench.Wrk.RunAsync(side.Load, RunOptions.Clients, duration, bench.Cancelled);
    }

    private static async Task<HttpResponseMessage> AskAsync(Bench bench, string target, LoggedInUser user)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, target);
        request.Headers.Authorization = new("Bearer", user.Token);
        var answer = await bench.Api.Client.SendAsync(request, bench.Cancelled);
        return answer.StatusCode == HttpStatusCode.OK ? answer : throw new BenchmarkException($"GET {target} was answered with {(int)answer.StatusCode}.");
    }

    private sealed record Loaded(string Name, HttpLoad Load);
}
