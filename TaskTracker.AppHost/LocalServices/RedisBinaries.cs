using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>The Redis server program: the one installed, else the distribution's packages unpacked without installing them.</summary>
/// <param name="Program">The full path of <c>redis-server</c>.</param>
/// <param name="Libraries">The folder of the libraries fetched with it, or null.</param>
internal sealed partial record RedisBinaries(string Program, string? Libraries)
{
    private const string Install =
        "install redis-server so that it is in PATH (Debian and Ubuntu: 'apt install redis-server', Fedora: 'dnf install redis', macOS: 'brew install redis'), "
        + "or name a server of your own in ConnectionStrings__cache";

    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <summary>What the program needs to find its libraries.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        Libraries is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = Libraries };

    /// <summary>Finds the program, or fetches it on first use.</summary>
    /// <param name="programs">The folder all fetched programs share.</param>
    /// <param name="report">Told what takes its time.</param>
    /// <param name="cancellationToken">Ends the fetching.</param>
    /// <param name="searchPath">Where to look for programs instead of in <c>PATH</c>.</param>
    /// <exception cref="LocalServiceException">It is neither installed nor to be fetched.</exception>
    public static async Task<RedisBinaries> GetAsync(string programs, Action<string> report, CancellationToken cancellationToken, string? searchPath = null)
    {
        if (Tool.Find("redis-server", searchPath) is { } installed)
        {
            return new(installed, null);
        }

        if (Tool.Find("apt-get", searchPath) is not { } aptGet || Tool.Find("dpkg-deb", searchPath) is not { } dpkgDeb)
        {
            throw new LocalServiceException($"There is no Redis on this machine: {Install}.");
        }

        var folder = await ProgramFolder.GetOrFillAsync(
            Path.Combine(programs, $"redis-{Release()}"),
            async folder =>
            {
                report("Fetching Redis from the package archive of this system (about 2 MB and the archive's lists, once) ...");
                await FetchAsync(aptGet, dpkgDeb, folder, cancellationToken);
            },
            cancellationToken);

        return Unpacked(folder);
    }

    // Packages of another release, say after an upgrade of the system, would ask for other libraries.
    private static string Release()
    {
        var release = File.ReadLines("/etc/os-release")
            .Select(line => line.Split('=', 2))
            .Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0], parts => parts[1].Trim('"', '\''));

        return $"{release.GetValueOrDefault("ID")}-{release.GetValueOrDefault("VERSION_ID")}-{RuntimeInformation.OSArchitecture}".ToLowerInvariant();
    }

    private static RedisBinaries Unpacked(string folder) => new(
        Path.Combine(folder, "usr", "bin", "redis-server"),
        string.Join(':', Directory.EnumerateFiles(folder, "lib*.so.*", SearchOption.AllDirectories).Select(Path.GetDirectoryName).Distinct()));

    private static async Task FetchAsync(string aptGet, string dpkgDeb, string folder, CancellationToken cancellationToken)
    {
        // Lists and archives of its own and no lock: nothing of the system is written. Which repositories there are, and by which keys
        // they are trusted, remains the system's setting.
        var apt = Path.Combine(folder, "apt");
        var archives = Path.Combine(apt, "cache", "archives");
        Directory.CreateDirectory(Path.Combine(apt, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(archives, "partial"));
        string[] options =
        [
            "-o", $"Dir::State::Lists={Path.Combine(apt, "lists")}", "-o", $"Dir::Cache={Path.Combine(apt, "cache")}",
            "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root",
        ];

        await RunAsync(aptGet, [.. options, "--quiet", "update"]);

        // Library names differ by release, so the package manager itself says what is missing. 'redis-tools' holds the program; 'redis-server'
        // only its name, and services that nobody wants here. Both are needed even where they are installed under a root that is not in PATH.
        var plan = await RunAsync(aptGet, [.. options, "--simulate", "--no-install-recommends", "install", "redis-server"]);
        var missing = PackageToInstall().Matches(plan).Select(match => match.Groups["name"].Value).Where(name => name != "libc6");
        await RunAsync(aptGet, [.. options, "--quiet", "download", .. missing.Union(["redis-server", "redis-tools"])], archives);

        foreach (var package in Directory.EnumerateFiles(archives, "*.deb"))
        {
            await RunAsync(dpkgDeb, ["--extract", package, folder]);
        }

        Directory.Delete(apt, recursive: true);
        var redis = Unpacked(folder);
        await RunAsync(redis.Program, ["--version"], environment: redis.Environment);

        async Task<string> RunAsync(string program, string[] arguments, string? workingFolder = null, IReadOnlyDictionary<string, string>? environment = null)
        {
            var result = await Tool.RunAsync(program, arguments, FetchLimit, cancellationToken, workingFolder, environment: environment);
            return result.ExitCode == 0
                ? result.Output
                : throw LocalServiceException.FromTool($"There is no Redis on this machine ({Install}), and fetching it with {Path.GetFileName(program)}", folder, result);
        }
    }

    [GeneratedRegex(@"^Inst (?<name>\S+) ", RegexOptions.Multiline)]
    private static partial Regex PackageToInstall();
}
