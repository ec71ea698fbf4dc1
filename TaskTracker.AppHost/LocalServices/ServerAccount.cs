using System.Runtime.Versioning;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// The account local servers run under: the user's own, or <c>nobody</c> when the user is root, because Postgres refuses root and Redis
/// has no need of it.
/// </summary>
internal static class ServerAccount
{
    private const string Nobody = "65534";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private const UnixFileMode Reachable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Whether this process is root on Unix.</summary>
    [UnsupportedOSPlatformGuard("windows")]
    public static bool IsRoot => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    /// <summary>What goes before a server's command so that it runs under the account; empty for one's own.</summary>
    /// <exception cref="LocalServiceException">The account cannot be had on this machine.</exception>
    public static IReadOnlyList<string> Prefix
    {
        get
        {
            if (!Environment.IsPrivilegedProcess)
            {
                return [];
            }

            return OperatingSystem.IsLinux() && Tool.Find("setpriv") is { } setpriv
                ? [setpriv, $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--"]
                : throw new LocalServiceException("PostgreSQL does not run with administrator rights: start as an ordinary user.");
        }
    }

    /// <summary>Gives a file or a folder, with all it holds, to the account.</summary>
    public static async Task GiveAsync(string path, CancellationToken cancellationToken)
    {
        if (IsRoot)
        {
            await RunAsync("chown", ["-R", $"{Nobody}:{Nobody}", path], path, cancellationToken);
        }
    }

    /// <summary>Creates a folder that the account can reach, whatever root's file mode mask.</summary>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            CreateFolder(parent);
        }

        Directory.CreateDirectory(path);
        if (IsRoot)
        {
            File.SetUnixFileMode(path, Reachable);
        }
    }

    /// <summary>Lets the account read a folder with all it holds.</summary>
    public static async Task LetReadAsync(string folder, CancellationToken cancellationToken)
    {
        if (IsRoot)
        {
            await RunAsync("chmod", ["-R", "a+rX", folder], folder, cancellationToken);
        }
    }

    private static async Task RunAsync(string program, string[] arguments, string path, CancellationToken cancellationToken)
    {
        var result = await Tool.RunAsync(program, arguments, Limit, cancellationToken);
        if (result.ExitCode != 0)
        {
            throw LocalServiceException.FromTool($"{program} of {path}", path, result);
        }
    }
}
