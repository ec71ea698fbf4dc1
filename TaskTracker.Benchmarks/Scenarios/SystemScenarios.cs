using System.Diagnostics;
using System.Globalization;
using TaskTracker.Benchmarks.Results;
using TaskTracker.Benchmarks.Setup;

namespace TaskTracker.Benchmarks.Scenarios;

/// <summary>What the system costs before anybody uses it.</summary>
internal static class SystemScenarios
{
    private static readonly Unit s_percent = new("% of a core", "0.00");

    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("idle", "idle", IdleAsync),
        new("start", "`dotnet run` (built) → all healthy", StartAsync),
    ];

    private static async Task<IReadOnlyList<Row>> IdleAsync(Bench bench)
    {
        var duration = bench.Options.Idle;
        // What other scenarios have left to autovacuum.
        await LargeJobScenarios.ExecuteAsync(bench.Database, "vacuum analyze");
        await QuietAsync(bench);
        var before = bench.Meter.Read();
        var transactionsBefore = await LargeJobScenarios.TransactionsAsync(bench.Database, bench.Cancelled);
        var begun = Stopwatch.GetTimestamp();
        await Task.Delay(duration, bench.Cancelled);
        var transactions = await LargeJobScenarios.TransactionsAsync(bench.Database, bench.Cancelled) - transactionsBefore;
        var after = bench.Meter.Read();
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;

        var cpu = after.ToDictionary(process => process.Key, process => (process.Value.Cpu - before[process.Key].Cpu).TotalSeconds);
        var memory = after.ToDictionary(process => process.Key, process => process.Value.Memory);
        List<Row> rows =
        [
            .. cpu.Keys.Where(name => name is "api" or "jobs" or "postgres" or "redis").Select(name => new Row(
                s_percent,
                new Side($"idle for {duration.TotalSeconds:0} s", [new Sample(100 * cpu[name] / seconds)], cpu, memory),
                null,
                [new Goal("< 2 % of a core", row => row.Ours.Value < 2)],
                $"{name}, {memory[name] >> 20} MB")),
        ];

        return [.. rows, rows[0] with { Unit = Unit.PerSecond, Ours = rows[0].Ours with { Samples = [new Sample(transactions / seconds)] }, Goals = [], Note = "transactions of PostgreSQL" }];
    }

    // What other scenarios have left to the services.
    private static Task QuietAsync(Bench bench) => OperationUser.GoneAsync(
        bench.Database,
        """
        select from operations where status in ('pending', 'running')
        union all select from statistics_marks
        union all select from pg_stat_activity where backend_type = 'autovacuum worker'
        """,
        TimeSpan.FromMilliseconds(500),
        bench.Cancelled);

    private static async Task<IReadOnlyList<Row>> StartAsync(Bench bench)
    {
        List<IReadOnlyDictionary<string, double>> timelines = [];
        var rows = await Comparison.RunAsync(
            bench,
            Unit.Seconds,
            new(
                "AppHost",
                async () =>
                {
                    using var start = new AppHostStart();
                    var timeline = await start.RunAsync(bench.Cancelled);
                    timelines.Add(timeline);
                    return new Sample(timeline.Values.Max());
                },
                new Goal("< 15 s", row => row.Ours.Value < 15))
            {
                Rounds = bench.Options.Starts,
            });

        var steps = timelines[0].Keys.Select(step => (Step: step, At: Percentiles.Median(timelines.Select(timeline => timeline[step])))).OrderBy(step => step.At);
        return [.. rows.Select(row => row with
        {
            Note = string.Join(", ", steps.Select(step => string.Create(CultureInfo.InvariantCulture, $"{step.Step} {step.At:0.0} s"))),
        })];
    }
}
