using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using OpenTelemetry;

namespace TaskTracker.ServiceDefaults;

/// <summary>
/// Names the span of a statement by what it does, <c>SELECT tasks</c>, where Npgsql calls all of them <c>postgresql</c>.
/// </summary>
/// <remarks>
/// The summary follows OpenTelemetry's database conventions (<c>db.query.summary</c>): operations and their tables in the
/// order of the text, without values.
/// </remarks>
internal sealed partial class DatabaseSpans : BaseProcessor<Activity>
{
    private const int MaxOperations = 4;

    // Statements are few, as they are prepared by their text. Should a text ever be made up per call, it is not kept.
    private const int MaxKept = 1_000;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    public override void OnEnd(Activity data)
    {
        if (data.Source.Name != "Npgsql" || data.GetTagItem("db.query.text") is not string text)
        {
            return;
        }

        var name = NameOf(text);
        data.DisplayName = name;
        data.SetTag("db.query.summary", name);
    }

    private string NameOf(string text)
    {
        if (_names.TryGetValue(text, out var name))
        {
            return name;
        }

        name = Summarize(text);
        if (_names.Count < MaxKept)
        {
            _names.TryAdd(text, name);
        }

        return name;
    }

    /// <summary>The writes of a statement with their tables; of one that only reads, the first table.</summary>
    internal static string Summarize(string text)
    {
        List<string> writes = [];
        foreach (Match match in Write().Matches(text))
        {
            var write = $"{match.Groups["verb"].Value.ToUpperInvariant()} {match.Groups["table"].Value}";
            if (!writes.Contains(write) && writes.Count < MaxOperations)
            {
                writes.Add(write);
            }
        }

        if (writes.Count > 0)
        {
            return string.Join(' ', writes);
        }

        var verb = Verb().Match(text).Value.ToUpperInvariant();
        var table = Read().Match(text).Groups["table"].Value;
        return verb is "" ? "postgresql" : verb is not ("SELECT" or "WITH") || table is "" ? verb : $"SELECT {table}";
    }

    // Not FOR UPDATE and not DO UPDATE: these lock, or belong to an insert that is named already.
    [GeneratedRegex(
        """\b(?:(?<verb>insert)\s+into|(?<verb>delete)\s+from|(?<!\b(?:for|do|no\s+key)\s+)(?<verb>update))\s+(?:\w+\.)?"?(?<table>\w+)""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex Write();

    [GeneratedRegex("""\bfrom\s+(?:\w+\.)?"?(?<table>\w+)""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex Read();

    [GeneratedRegex("[a-z]+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex Verb();
}
