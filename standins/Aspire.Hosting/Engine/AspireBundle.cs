using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Engine;

/// <summary>
/// Aspire's orchestrator (DCP) and dashboard as files on this machine. They come from the Aspire CLI's npm package, which
/// is fetched once per user, held to the integrity hash of <c>npm/package-lock.json</c>, and unpacked into the user's cache.
/// </summary>
/// <param name="DcpPath">The program <c>dcp</c>.</param>
/// <param name="DashboardPath">The program <c>aspire-managed</c>, which is the dashboard when called with <c>dashboard</c>.</param>
internal sealed record AspireBundle(string DcpPath, string DashboardPath)
{
    public const string Version = "13.5.4";

    private const string Package = "@microsoft/aspire-cli-linux-x64";
    private const string Remedy =
        "or point the settings DcpPublisher:CliPath and DcpPublisher:DashboardPath at the programs 'dcp' and 'aspire-managed' of an Aspire " + Version + " bundle.";

    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(200);

    /// <summary>Finds the bundle, and installs it when this user has none yet.</summary>
    /// <exception cref="DistributedApplicationException">The bundle cannot be had; the message says what to do.</exception>
    public static async Task<AspireBundle> GetAsync(IConfiguration configuration, ILogger logger, CancellationToken cancellationToken)
    {
        var dcp = ConfiguredProgram(configuration, "DcpPublisher:CliPath");
        var dashboard = ConfiguredProgram(configuration, "DcpPublisher:DashboardPath");
        if (dcp is not null && dashboard is not null)
        {
            return new AspireBundle(dcp, dashboard);
        }

        if (RuntimeInformation.RuntimeIdentifier is var rid && (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64))
        {
            throw new DistributedApplicationException(
                $"The stand-in Aspire runs on linux-x64 and this is {rid}: use a package feed that serves Aspire (AspirePackages=official), {Remedy}");
        }

        var installed = await InstallAsync(CacheFolder(), "npm", logger, cancellationToken);
        return new AspireBundle(dcp ?? installed.DcpPath, dashboard ?? installed.DashboardPath);
    }

    /// <summary>
    /// Installs the bundle into <paramref name="folder"/> unless it is there. Any number of processes may do so at once:
    /// one works, the others wait for it. A bundle appears by a rename, so it is whole or absent.
    /// </summary>
    internal static async Task<AspireBundle> InstallAsync(string folder, string npm, ILogger logger, CancellationToken cancellationToken)
    {
        var target = Path.Combine(folder, Version);
        if (Find(target) is { } present)
        {
            return present;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(InstallLimit);
        var staging = Path.Combine(folder, Version + ".partial");
        try
        {
            CreatePrivateFolder(folder);
            await using var installLock = await LockAsync(Path.Combine(folder, Version + ".lock"), limit.Token);
            if (Find(target) is { } installedMeanwhile)
            {
                return installedMeanwhile;
            }

            logger.FetchingBundle(Version);
            DeleteFolder(staging);
            try
            {
                CreatePrivateFolder(staging);
                await FetchAsync(staging, npm, limit.Token);
                var unpacked = await UnpackAsync(staging, limit.Token);
                DeleteFolder(target);
                Directory.Move(unpacked, target);
            }
            finally
            {
                DeleteFolder(staging);
            }

            return Find(target) ?? throw new DistributedApplicationException(
                $"{Package} {Version} was unpacked to {target} but holds no 'dcp' and 'aspire-managed': delete that folder and start again.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException(
                $"{Package} {Version} was not installed within {InstallLimit.TotalMinutes:0} minutes: check the connection to the npm registry and start again, {Remedy}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DistributedApplicationException(
                $"Aspire's orchestrator and dashboard need 500 MB that this user may write below {folder} ({e.Message.TrimEnd('.')}): make room there or set XDG_CACHE_HOME to another folder.", e);
        }
    }

    private static AspireBundle? Find(string folder)
    {
        var bundle = new AspireBundle(Path.Combine(folder, "dcp", "dcp"), Path.Combine(folder, "managed", "aspire-managed"));
        return File.Exists(bundle.DcpPath) && File.Exists(bundle.DashboardPath) ? bundle : null;
    }

    private static string? ConfiguredProgram(IConfiguration configuration, string key)
    {
        if (configuration[key] is not { Length: > 0 } path)
        {
            return null;
        }

        return File.Exists(path)
            ? Path.GetFullPath(path)
            : throw new DistributedApplicationException($"The setting {key} names '{path}', which does not exist: correct it, or remove it to let the bundle be fetched from npm.");
    }

    private static string CacheFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache))
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            cache = home.Length > 0
                ? Path.Combine(home, ".cache")
                : throw new DistributedApplicationException($"There is no folder to keep Aspire's orchestrator in: set HOME or XDG_CACHE_HOME, {Remedy}");
        }

        return Path.Combine(cache, "tasktracker", "aspire");
    }

    /// <summary>The lock is the open file itself: it ends with the process that holds it, however that ends.</summary>
    private static async Task<FileStream> LockAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.GetType() == typeof(IOException) && !IsDiskFull(e.Message))
            {
                await Task.Delay(LockPoll, cancellationToken);
            }
        }
    }

    /// <summary>Lets npm fetch and verify exactly what the lock file pins; no script of the package is run.</summary>
    private static async Task FetchAsync(string staging, string npm, CancellationToken cancellationToken)
    {
        foreach (var name in new[] { "package.json", "package-lock.json" })
        {
            await using var pinned = Assembly.GetExecutingAssembly().GetManifestResourceStream($"npm/{name}")!;
            await using var copy = File.Create(Path.Combine(staging, name));
            await pinned.CopyToAsync(copy, cancellationToken);
        }

        int exitCode;
        string output;
        try
        {
            (exitCode, output) = await RunAsync(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"], staging, [], cancellationToken);
        }
        catch (Win32Exception)
        {
            throw new DistributedApplicationException(
                $"'{npm}' was not found and Aspire's orchestrator is not in this user's cache yet: install Node.js (https://nodejs.org), {Remedy}");
        }

        if (exitCode == 0)
        {
            return;
        }

        throw new DistributedApplicationException(output switch
        {
            _ when output.Contains("EINTEGRITY", StringComparison.Ordinal) =>
                $"The npm registry served a {Package} {Version} that does not match the integrity hash pinned in package-lock.json, so it was thrown away: ask another registry (npm config set registry), {Remedy}",
            _ when IsDiskFull(output) =>
                $"The disk is full, so {Package} {Version} was not installed: make 500 MB of room below {Path.GetDirectoryName(staging)} (or set XDG_CACHE_HOME to another folder) and start again.",
            _ when output.Contains("E404", StringComparison.Ordinal) || output.Contains("ETARGET", StringComparison.Ordinal) =>
                $"The npm registry in use does not serve {Package} {Version}: ask another one (npm config set registry), {Remedy}",
            _ => $"npm could not fetch {Package} {Version} ({FirstErrors(output)}): check the connection to the npm registry and start again, {Remedy}",
        });
    }

    /// <summary>The CLI unpacks what it carries beside itself, without any network.</summary>
    /// <returns>The folder that holds <c>dcp</c> and <c>managed</c>.</returns>
    private static async Task<string> UnpackAsync(string staging, CancellationToken cancellationToken)
    {
        var root = Path.Combine(staging, "root");
        Directory.CreateDirectory(root);
        Directory.Move(Path.Combine(staging, "node_modules", Package, "bin"), Path.Combine(root, "bin"));
        var cli = Path.Combine(root, "bin", "aspire");

        var (exitCode, output) = await RunAsync(
            cli,
            ["setup", "--non-interactive", "--nologo"],
            staging,
            [new("ASPIRE_HOME", Path.Combine(staging, "home")), new("ASPIRE_CLI_TELEMETRY_OPTOUT", "true")],
            cancellationToken);
        var versions = Path.Combine(root, "versions");
        if (exitCode != 0 || !Directory.Exists(versions) || Directory.GetDirectories(versions) is not [var unpacked])
        {
            throw new DistributedApplicationException(IsDiskFull(output)
                ? $"The disk is full, so Aspire's orchestrator was not unpacked: make 500 MB of room below {Path.GetDirectoryName(staging)} (or set XDG_CACHE_HOME to another folder) and start again."
                : $"The Aspire CLI could not unpack its orchestrator and dashboard ({FirstErrors(output)}): start again, {Remedy}");
        }

        return unpacked;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(
        string program, string[] arguments, string folder, KeyValuePair<string, string>[] environment, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await errors + await output);
        }
        catch
        {
            // Nobody waits for it any more.
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static bool IsDiskFull(string text) =>
        text.Contains("ENOSPC", StringComparison.Ordinal) || text.Contains("No space left on device", StringComparison.OrdinalIgnoreCase);

    private static string FirstErrors(string output)
    {
        var errors = output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("npm warn", StringComparison.OrdinalIgnoreCase) && !line.Contains("debug-0.log", StringComparison.Ordinal))
            .Take(3);
        return string.Join("; ", errors);
    }

    private static void CreatePrivateFolder(string path)
    {
        // Only ever reached on Linux; the check is what the analyzer understands.
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
