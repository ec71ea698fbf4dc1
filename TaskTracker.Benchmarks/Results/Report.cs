using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace TaskTracker.Benchmarks.Results;

/// <summary>Everything a run has measured, as Markdown for people and as JSON for programs.</summary>
internal sealed class Report(RunOptions options)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly DateTimeOffset _begun = DateTimeOffset.UtcNow;
    private readonly List<(Scenario Scenario, Row Row)> _rows = [];

    /// <summary>Adds what a scenario came to.</summary>
    public void Add(Scenario scenario, IReadOnlyList<Row> rows) => _rows.AddRange(rows.Select(row => (scenario, row)));

    /// <summary>Writes the tables, and the file.</summary>
    public async Task WriteAsync(TextWriter output)
    {
        var machine = Machine();
        await output.WriteLineAsync(Markdown(machine));
        Directory.CreateDirectory(Path.GetDirectoryName(options.Json)!);
        await File.WriteAllTextAsync(options.Json, Json(machine));
        await Console.Error.WriteLineAsync($"everything that was measured: {options.Json}");
    }

    private string Markdown(string machine)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{_begun:yyyy-MM-dd}, {machine}; {options.Tasks:N0} tasks of {options.Users:N0} users, {RunOptions.Clients} clients, {options.Rounds} rounds{(options.IsShort ? ", the short form: a look, not a measurement" : "")}.");
        text.AppendLine();
        text.AppendLine("| Scenario | Reference | Ratio (lowest – highest) | Ours | Reference's | p50 / p99 | Reference's | Goal | Reached |");
        text.AppendLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var (scenario, row) in _rows)
        {
            var ratio = row.Ratio is { } middle ? $"**{middle:0.00}** ({row.Ratios.Min():0.00} – {row.Ratios.Max():0.00})" : "–";
            var goals = string.Join("; ", row.Goals.Select(goal => goal.Text));
            var reached = string.Join("; ", row.Goals.Select(goal => goal.IsReached(row) ? "yes" : "**no**"));
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {TitleOf(scenario, row)} | {row.Reference?.Name ?? "–"} | {ratio} | {Figure(row.Ours, row.Unit)} | {Figure(row.Reference, row.Unit)} | {Times(row.Ours)} | {Times(row.Reference)} | {goals} | {reached} |");
        }

        text.AppendLine();
        text.AppendLine("Processor seconds and memory (MB) of each process, in all rounds of a side:");
        text.AppendLine();
        List<string> processes = [.. _rows.SelectMany(entry => Sides(entry.Row)).SelectMany(side => side.Cpu.Keys).Distinct()];
        text.AppendLine(CultureInfo.InvariantCulture, $"| Scenario | Side | {string.Join(" | ", processes)} | load |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|{string.Concat(Enumerable.Repeat("---|", processes.Count))}---|");
        foreach (var (title, side) in _rows.SelectMany(entry => Sides(entry.Row).Select(side => (entry.Scenario.Title, side))).DistinctBy(entry => (entry.Title, entry.side.Name)))
        {
            var used = processes.Select(process => side.Cpu.TryGetValue(process, out var cpu)
                ? string.Create(CultureInfo.InvariantCulture, $"{cpu:0.0} s, {side.Memory[process] >> 20}") : "–");
            var load = side.Samples.Sum(sample => sample.GeneratorCpuSeconds ?? 0);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {title} | {side.Name} | {string.Join(" | ", used)} | {load:0.0} s |");
        }

        return text.ToString();
    }

    private string Json(string machine) => JsonSerializer.Serialize(
        new
        {
            Begun = _begun,
            Machine = machine,
            options.IsShort,
            options.Tasks,
            options.Users,
            RunOptions.Clients,
            Rows = _rows.Select(entry => new
            {
                Scenario = entry.Scenario.Name,
                Title = TitleOf(entry.Scenario, entry.Row),
                Unit = entry.Row.Unit.Name,
                entry.Row.Ratio,
                entry.Row.Ratios,
                entry.Row.Ours,
                entry.Row.Reference,
                Goals = entry.Row.Goals.Select(goal => new { goal.Text, Reached = goal.IsReached(entry.Row) }),
            }),
        },
        s_json);

    private static string TitleOf(Scenario scenario, Row row) => row.Note is null ? scenario.Title : $"{scenario.Title} ({row.Note})";

    private static IEnumerable<Side> Sides(Row row) => row.Reference is null ? [row.Ours] : [row.Ours, row.Reference];

    private static string Figure(Side? side, Unit unit) => side is null ? "–" : $"{side.Value.ToString(unit.Format, CultureInfo.InvariantCulture)} {unit.Name}";

    private static string Times(Side? side) => side?.P50 is { } middle
        ? string.Create(CultureInfo.InvariantCulture, $"{middle:0.00} / {side.P99:0.00} ms")
        : "–";

    private static string Machine()
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30;

        return $"{Environment.ProcessorCount} processors ({processor ?? "unknown"}), {memory} GB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }
}
