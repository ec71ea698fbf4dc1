using System.Globalization;

namespace TaskTracker.Benchmarks;

/// <summary>How a run is done.</summary>
/// <param name="IsShort">Less data, fewer and shorter rounds: a look at everything, not a measurement to quote.</param>
/// <param name="Only">The scenarios to run; empty for all.</param>
/// <param name="Json">The file that gets everything that was measured.</param>
/// <param name="Soak">Instead of everything else: how long to keep the system at half of its greatest load.</param>
internal sealed record RunOptions(bool IsShort, IReadOnlyList<string> Only, string Json, TimeSpan? Soak = null)
{
    /// <summary>Whether this build is slower than what anybody runs.</summary>
    public static bool IsDebugBuild =>
#if DEBUG
        true;
#else
        false;
#endif

    private const string Short = "--short";
    private const string Usage = "[--short] [--rounds NUMBER] [--only NAME]... [--soak MINUTES] [--json FILE]";

    /// <summary>How many rounds each side gets.</summary>
    public int Rounds { get; init; } = IsShort ? 1 : 5;

    /// <summary>How long a round of load lasts.</summary>
    public TimeSpan Round => TimeSpan.FromSeconds(IsShort ? 1 : 4);

    /// <summary>How long each side is under load before the first round; a look does with a few requests.</summary>
    public TimeSpan WarmUp => IsShort ? TimeSpan.Zero : TimeSpan.FromSeconds(4);

    /// <summary>How often the whole system is started.</summary>
    public int Starts => IsShort ? 1 : Math.Min(Rounds, 3);

    /// <summary>How long nobody uses the system.</summary>
    public TimeSpan Idle => TimeSpan.FromSeconds(IsShort ? 5 : 300);

    /// <summary>How often a single request is timed in a round.</summary>
    public int Repetitions => IsShort ? 10 : 30;

    /// <summary>Connections of the load generator, and clients of pgbench.</summary>
    public const int Clients = 8;

    /// <summary>How many users there are.</summary>
    public int Users => IsShort ? 1_000 : 10_000;

    /// <summary>How many tasks there are. One user has <see cref="Setup.SeedData.TasksOfBusyUser"/>, the others <see cref="Setup.SeedData.TasksOfUser"/>.</summary>
    public int Tasks => IsShort ? 100_000 : 1_000_000;

    /// <summary>Whether a scenario is to run.</summary>
    public bool Includes(string scenario) => Only.Count == 0 || Only.Contains(scenario);

    /// <summary>Reads the command line.</summary>
    /// <exception cref="BenchmarkException">It cannot be followed.</exception>
    public static RunOptions Parse(IReadOnlyList<string> args, IReadOnlyList<Scenario> scenarios)
    {
        var stamp = DateTimeOffset.UtcNow.ToString("yyyyMMdd'T'HHmmss", CultureInfo.InvariantCulture);
        // artifacts/bin/PROJECT/CONFIGURATION
        var artifacts = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Parent!.Parent!.FullName;
        var options = new RunOptions(args.Contains(Short), [], Path.Combine(artifacts, "benchmarks", $"{stamp}.json"));
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var argument))
        {
            options = argument switch
            {
                Short => options,
                "--rounds" => options with { Rounds = Number(Value(argument)) },
                "--only" => options with { Only = [.. options.Only, NameOf(Value(argument))] },
                "--soak" => options with { Soak = Minutes(Value(argument)) },
                "--json" => options with { Json = Path.GetFullPath(Value(argument)) },
                _ => throw new BenchmarkException($"'{argument}' is unknown: {Usage}."),
            };
        }

        return options;

        string Value(string argument) => rest.TryDequeue(out var value) ? value : throw new BenchmarkException($"{argument} lacks its value: {Usage}.");

        static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 1_000
            ? number
            : throw new BenchmarkException($"--rounds is '{text}': give a whole number from 1 to 1000.");

        static TimeSpan Minutes(string text) => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var minutes) && minutes is > 0 and <= 1_440
            ? TimeSpan.FromMinutes(minutes)
            : throw new BenchmarkException($"--soak is '{text}': give minutes, from above 0 to 1440.");

        string NameOf(string name) => scenarios.Any(scenario => scenario.Name == name)
            ? name
            : throw new BenchmarkException($"There is no scenario '{name}': {string.Join(", ", scenarios.Select(scenario => scenario.Name))}.");
    }
}
