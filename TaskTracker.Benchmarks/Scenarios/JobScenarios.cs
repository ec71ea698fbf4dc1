using System.Diagnostics;
using System.Globalization;
using Npgsql;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Scenarios;

/// <summary>What users wait for that a job does: how soon it begins, and how soon small things are done.</summary>
internal static class JobScenarios
{
    // Places in the seed that no other scenario uses.
    private const int StartUser = 65;
    private const int ExportUser = 66;
    private const int UpdateUser = 67;

    // Between two requests, so that each meets a jobs service at rest.
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(30);

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("job-start", "request stored → job begins, idle", StartAsync),
        new("export-50", "export of 50 tasks, request → downloadable", ExportAsync),
        new("bulk-update-100", "bulk update of 100 tasks, request → completed", UpdateAsync),
        .. LargeJobScenarios.All,
        .. SystemScenarios.All,
    ];

    private static async Task<IReadOnlyList<Row>> StartAsync(Bench bench)
    {
        var (user, _) = await PrepareAsync(bench, StartUser, tasks: 50);
        List<Operated> all = [];
        await AskAsync(bench, 5, () => user.ExportAsync());

        var rows = await Comparison.RunAsync(
            bench,
            Unit.Milliseconds,
            new("jobs", async () =>
            {
                var done = await AskAsync(bench, Samples(bench), () => user.ExportAsync());
                all.AddRange(done);
                return SampleOf(done.Select(operated => operated.StartMs));
            }),
            RoundTrip(bench, new Goal("p50 ≤ 12 ms", row => row.Ours.P50 <= 12), new Goal("p99 ≤ 50 ms", row => row.Ours.P99 <= 50)));

        return [.. rows.Select(row => row with { Note = NoteOf(all) })];
    }

    private static async Task<IReadOnlyList<Row>> ExportAsync(Bench bench)
    {
        var (user, _) = await PrepareAsync(bench, ExportUser, tasks: 50);
        List<Operated> all = [];
        foreach (var warm in await AskAsync(bench, 5, () => user.ExportAsync()))
        {
            await user.DownloadAsync(warm.Id);
        }

        var rows = await Comparison.RunAsync(
            bench,
            Unit.Milliseconds,
            new("jobs", async () =>
            {
                var done = await AskAsync(bench, Samples(bench), () => user.ExportAsync());
                await user.DownloadAsync(done[^1].Id);
                all.AddRange(done);
                return SampleOf(done.Select(operated => operated.TotalMs));
            }),
            RoundTrip(bench, new Goal("p50 ≤ 10 ms", row => row.Ours.P50 <= 10), new Goal("p50 ≤ 15 ms at most", row => row.Ours.P50 <= 15)));

        return [.. rows.Select(row => row with { Note = NoteOf(all) })];
    }

    private static async Task<IReadOnlyList<Row>> UpdateAsync(Bench bench)
    {
        var (user, tasks) = await PrepareAsync(bench, UpdateUser, tasks: 100);
        List<Operated> all = [];
        var completed = false;
        await AskAsync(bench, 4, ToggleAsync);

        var rows = await Comparison.RunAsync(
            bench,
            Unit.Milliseconds,
            new("jobs", async () =>
            {
                var done = await AskAsync(bench, Samples(bench), ToggleAsync);
                all.AddRange(done);
                return SampleOf(done.Select(operated => operated.TotalMs));
            }),
            new Contender(
                "one `UPDATE … WHERE id = ANY`",
                async () =>
                {
                    List<double> times = [];
                    for (var i = 0; i < Samples(bench); i++)
                    {
                        var begun = Stopwatch.GetTimestamp();
                        await OneUpdateAsync(bench.Database, tasks, completed = !completed, bench.Cancelled);
                        times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                        await Task.Delay(s_rest, bench.Cancelled);
                    }

                    return SampleOf(times);
                },
                new Goal("p50 ≤ 15 ms", row => row.Ours.P50 <= 15)));

        return [.. rows.Select(row => row with { Note = NoteOf(all) })];

        Task<Operated> ToggleAsync() => user.UpdateAsync(tasks, new { completed = completed = !completed });
    }

    /// <summary>What a bulk update comes down to.</summary>
    public static async Task OneUpdateAsync(NpgsqlDataSource database, long[] tasks, bool completed, CancellationToken cancelled)
    {
        await using var update = database.CreateCommand("update tasks set completed = $1, updated_at = now() where id = any($2)");
        update.Parameters.AddWithValue(completed);
        update.Parameters.AddWithValue(tasks);
        if (await update.ExecuteNonQueryAsync(cancelled) != tasks.Length)
        {
            throw new BenchmarkException($"Of {tasks.Length} tasks some are missing.");
        }
    }

    /// <summary>A user of the seed with so many tasks.</summary>
    public static async Task<(OperationUser User, long[] Tasks)> PrepareAsync(Bench bench, int place, int tasks)
    {
        var user = (await bench.Users.GetAsync(place..(place + 1), bench.Cancelled))[0];
        await using var trim = bench.Database.CreateCommand(
            "delete from tasks where owner_id = $1 and id not in (select id from tasks where owner_id = $1 order by id limit $2)");
        trim.Parameters.AddWithValue(user.Id);
        trim.Parameters.AddWithValue(tasks);
        await trim.ExecuteNonQueryAsync(bench.Cancelled);

        await using var select = bench.Database.CreateCommand("select array_agg(id) from tasks where owner_id = $1");
        select.Parameters.AddWithValue(user.Id);
        var left = await select.ExecuteScalarAsync(bench.Cancelled) as long[] ?? [];
        return left.Length == tasks
            ? (new(bench.Api.Client, bench.Database, user, bench.Cancelled), left)
            : throw new BenchmarkException($"User {place} of the seed has {left.Length} tasks instead of {tasks}.");
    }

    private static int Samples(Bench bench) => bench.Options.IsShort ? 20 : 100;

    private static async Task<List<Operated>> AskAsync(Bench bench, int times, Func<Task<Operated>> ask)
    {
        List<Operated> done = [];
        for (var i = 0; i < times; i++)
        {
            done.Add(await ask());
            await Task.Delay(s_rest, bench.Cancelled);
        }

        return done;
    }

    private static Contender RoundTrip(Bench bench, params Goal[] goals) => new(
        "bare `LISTEN`/`NOTIFY` round trip",
        async () =>
        {
            const string Channel = "bench_round_trip";
            await using var listening = await bench.Database.OpenConnectionAsync(bench.Cancelled);
            await using var listen = new NpgsqlCommand($"listen {Channel}", listening);
            await listen.ExecuteNonQueryAsync(bench.Cancelled);
            await using var sending = await bench.Database.OpenConnectionAsync(bench.Cancelled);
            await using var notify = new NpgsqlCommand($"select pg_notify('{Channel}', '')", sending);
            List<double> times = [];
            for (var i = 0; i < Samples(bench); i++)
            {
                var begun = Stopwatch.GetTimestamp();
                var heard = listening.WaitAsync(bench.Cancelled);
                await notify.ExecuteNonQueryAsync(bench.Cancelled);
                await heard;
                times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                await Task.Delay(s_rest, bench.Cancelled);
            }

            await using var deaf = new NpgsqlCommand($"unlisten {Channel}", listening);
            await deaf.ExecuteNonQueryAsync(bench.Cancelled);
            return SampleOf(times);
        },
        goals);

    private static Sample SampleOf(IEnumerable<double> milliseconds)
    {
        List<double> sorted = [.. milliseconds.Order()];
        return new Sample(Percentiles.Of(sorted, 50), Percentiles.Of(sorted, 50), Percentiles.Of(sorted, 99));
    }

    // Where the time of a typical one goes: the answer comes while the job begins already.
    private static string NoteOf(List<Operated> all) => string.Create(
        CultureInfo.InvariantCulture,
        $"medians: answered after {Percentiles.Median(all.Select(one => one.AnswerMs)):0.0} ms, stored → job {Percentiles.Median(all.Select(one => one.StartMs)):0.0} ms, job → end {Percentiles.Median(all.Select(one => one.WorkMs)):0.0} ms");
}
