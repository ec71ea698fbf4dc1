using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>Where a distribution keeps a program.</summary>
/// <param name="Title">What people call it.</param>
/// <param name="Program">The name of its file.</param>
/// <param name="Packages">The packages of Debian and Ubuntu that are unpacked for it, with what they need; the first names the folder.</param>
/// <param name="Install">What to do where it cannot be fetched: the rest of a sentence.</param>
internal sealed record ProgramPackages(string Title, string Program, IReadOnlyList<string> Packages, string Install);

/// <summary>A program of this system: the one installed, else the distribution's packages unpacked without installing them.</summary>
/// <param name="Program">The full path of the program.</param>
/// <param name="Libraries">The folders of the libraries fetched with it, or null.</param>
internal sealed partial record SystemProgram(string Program, string? Libraries)
{
    private const int NotExecutable = 127;

    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <summary>What the program needs to find its libraries.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        Libraries is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = Libraries };

    /// <summary>Finds a program, or fetches it on first use.</summary>
    /// <param name="wanted">The program.</param>
    /// <param name="programs">The folder all fetched programs share.</param>
    /// <param name="report">Told what takes its time.</param>
    /// <param name="cancellationToken">Ends the fetching.</param>
    /// <param name="searchPath">Where to look for programs instead of in <c>PATH</c>.</param>
    /// <exception cref="LocalServiceException">It is neither installed nor to be fetched.</exception>
    public static async Task<SystemProgram> GetAsync(
        ProgramPackages wanted, string programs, Action<string> report, CancellationToken cancellationToken, string? searchPath = null)
    {
        if (Tool.Find(wanted.Program, searchPath) is { } installed)
        {
            return new(installed, null);
        }

        if (Tool.Find("apt-get", searchPath) is not { } aptGet || Tool.Find("dpkg-deb", searchPath) is not { } dpkgDeb)
        {
            throw new LocalServiceException($"There is no {wanted.Title} on this machine: {wanted.Install}.");
        }

        var folder = await ProgramFolder.GetOrFillAsync(
            Path.Combine(programs, $"{wanted.Title.ToLowerInvariant()}-{Release()}"),
            async folder =>
            {
                report($"Fetching {wanted.Title} from the package archive of this system (some MB and the archive's lists, once) ...");
                await FetchAsync(wanted, aptGet, dpkgDeb, folder, cancellationToken);
            },
            cancellationToken);

        return Unpacked(wanted, folder);
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

    // Debian wraps some programs in a script of the same name, which looks for what is installed: the one below 'lib' is the program itself.
    private static SystemProgram Unpacked(ProgramPackages wanted, string folder) => new(
        Directory.EnumerateFiles(folder, wanted.Program, SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(Path.GetDirectoryName(path)) == "bin")
            .OrderByDescending(path => path.Contains("/lib/", StringComparison.Ordinal))
            .First(),
        string.Join(':', Directory.EnumerateFiles(folder, "lib*.so.*", SearchOption.AllDirectories).Select(Path.GetDirectoryName).Distinct()));

    private static async Task FetchAsync(ProgramPackages wanted, string aptGet, string dpkgDeb, string folder, CancellationToken cancellationToken)
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

        // Library names differ by release, so the package manager itself says what is missing. The packages themselves are needed even where
        // they are installed under a root that is not in PATH.
        var plan = await RunAsync(aptGet, [.. options, "--simulate", "--no-install-recommends", "install", wanted.Packages[0]]);
        var missing = PackageToInstall().Matches(plan).Select(match => match.Groups["name"].Value).Where(name => name != "libc6");
        await RunAsync(aptGet, [.. options, "--quiet", "download", .. missing.Union(wanted.Packages)], archives);

        foreach (var package in Directory.EnumerateFiles(archives, "*.deb"))
        {
            await RunAsync(dpkgDeb, ["--extract", package, folder]);
        }

        Directory.Delete(apt, recursive: true);
        var program = Unpacked(wanted, folder);
        await RunAsync(program.Program, ["--version"], environment: program.Environment, mayRefuse: true);

        async Task<string> RunAsync(
            string program, string[] arguments, string? workingFolder = null, IReadOnlyDictionary<string, string>? environment = null, bool mayRefuse = false)
        {
            var result = await Tool.RunAsync(program, arguments, FetchLimit, cancellationToken, workingFolder, environment: environment);
            return result.ExitCode == 0 || (mayRefuse && result.ExitCode != NotExecutable)
                ? result.Output
                : throw LocalServiceException.FromTool(
                    $"There is no {wanted.Title} on this machine ({wanted.Install}), and fetching it with {Path.GetFileName(program)}", folder, result);
        }
    }

    [GeneratedRegex(@"^Inst (?<name>\S+) ", RegexOptions.Multiline)]
    private static partial Regex PackageToInstall();
}
