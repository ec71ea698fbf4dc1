using System.Globalization;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>What a process, with all below it, has used.</summary>
/// <param name="Cpu">Processor time since it began.</param>
/// <param name="Memory">Bytes in memory now; what several processes share counts once.</param>
internal readonly record struct Usage(TimeSpan Cpu, long Memory);

/// <summary>Reads from Linux what processes use.</summary>
internal sealed class ProcessMeter
{
    // What Linux shows to programs, whatever the kernel's own clock.
    private const double TicksPerSecond = 100;

    private readonly Dictionary<string, Func<int>> _watched = [];

    /// <summary>Begins to watch a process.</summary>
    /// <param name="name">What the table calls it.</param>
    /// <param name="processId">Its number, which changes when it is started again.</param>
    public void Watch(string name, Func<int> processId) => _watched[name] = processId;

    /// <summary>Ends watching a process.</summary>
    public void Forget(int processId)
    {
        foreach (var (name, _) in _watched.Where(watched => watched.Value() == processId).ToList())
        {
            _watched.Remove(name);
        }
    }

    /// <summary>What the watched processes have used so far.</summary>
    public IReadOnlyDictionary<string, Usage> Read()
    {
        var processes = Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? ProcessFacts.Read(id) : null)
            .OfType<ProcessFacts>()
            .ToList();
        var children = processes.ToLookup(process => process.Parent);
        var byId = processes.ToDictionary(process => process.Id);

        return _watched.ToDictionary(watched => watched.Key, watched => byId.TryGetValue(watched.Value(), out var root) ? Sum(root, children) : default);
    }

    private static Usage Sum(ProcessFacts root, ILookup<int, ProcessFacts> children)
    {
        List<ProcessFacts> tree = [root];
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(children[tree[i].Id]);
        }

        // The time of a child that has ended is its parent's.
        return new Usage(
            TimeSpan.FromSeconds(tree.Sum(process => process.Ticks) / TicksPerSecond),
            tree.Sum(process => process.OwnMemory) + tree.Max(process => process.SharedMemory));
    }

    private sealed record ProcessFacts(int Id, int Parent, long Ticks, long OwnMemory, long SharedMemory)
    {
        /// <summary>Null where it has ended.</summary>
        public static ProcessFacts? Read(int id)
        {
            try
            {
                // The name in parentheses may hold anything.
                var stat = File.ReadAllText($"/proc/{id}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                var memory = File.ReadLines($"/proc/{id}/status")
                    .Select(line => line.Split(':', 2))
                    .Where(parts => parts is ["RssAnon" or "RssFile" or "RssShmem", _])
                    .ToDictionary(parts => parts[0], parts => 1024 * Number(parts[1].Replace("kB", "", StringComparison.Ordinal).Trim()));

                return new(
                    id,
                    (int)Number(fields[1]),
                    fields[11..15].Sum(Number),
                    memory.GetValueOrDefault("RssAnon"),
                    memory.GetValueOrDefault("RssFile") + memory.GetValueOrDefault("RssShmem"));
            }
            catch (IOException)
            {
                return null;
            }
        }

        private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }
}
