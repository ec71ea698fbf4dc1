using System.Security.Cryptography;
using System.Text;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// Where local services keep things: programs, which every clone of the repository shares, and data, which each clone has for itself.
/// </summary>
internal sealed record LocalFolders(string Programs, string Data)
{
    /// <summary>The usual folders of the current user, and for root those of the system.</summary>
    public static LocalFolders OfUser()
    {
        // The servers of root run under another account, which cannot look into root's home folder.
        if (ServerAccount.IsRoot)
        {
            return new("/var/cache/tasktracker", "/var/lib/tasktracker");
        }

        var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        if (data.Length == 0)
        {
            throw new LocalServiceException("There is no folder for the data of local services: set HOME to a folder that you can write.");
        }

        var cache =
            OperatingSystem.IsWindows() ? data :
            OperatingSystem.IsMacOS() ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "Library", "Caches") :
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg :
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");

        return new(Path.Combine(cache, "tasktracker", "programs"), Path.Combine(data, "tasktracker"));
    }

    /// <summary>The data folder of one clone, named by where that clone lies so that two never share data.</summary>
    public string DataOf(string appHostFolder)
    {
        var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(appHostFolder));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(place)));

        return Path.Combine(Data, $"{Path.GetFileName(Path.GetDirectoryName(place))}-{hash[..8]}");
    }
}
