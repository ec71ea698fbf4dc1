namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// A folder for the data of one run. It is deleted at the run's end, or by the next run when this one was killed.
/// </summary>
internal sealed class ThrowAwayFolder : IDisposable
{
    private const string LockEnding = ".lock";
    private readonly FileStream owned;

    private ThrowAwayFolder(string path, FileStream owned)
    {
        Path = path;
        this.owned = owned;
    }

    /// <summary>The full path of the folder.</summary>
    public string Path { get; }

    /// <summary>Makes a new folder under <paramref name="parent"/>, after deleting those there whose run is over.</summary>
    public static ThrowAwayFolder Create(string parent)
    {
        try
        {
            ServerAccount.CreateFolder(parent);
            foreach (var other in Directory.EnumerateFiles(parent, "*" + LockEnding))
            {
                if (FileLock.TryTake(other) is { } abandoned)
                {
                    Delete(other[..^LockEnding.Length], abandoned);
                }
            }

            var path = System.IO.Path.Combine(parent, Guid.NewGuid().ToString("N")[..12]);
            var owned = FileLock.TryTake(path + LockEnding) ?? throw new IOException($"{path}{LockEnding} is taken.");
            ServerAccount.CreateFolder(path);

            return new(path, owned);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(parent, e);
        }
    }

    /// <summary>Deletes the folder; what a server that is still ending holds on to is left for the next run.</summary>
    public void Dispose() => Delete(Path, owned);

    private static void Delete(string path, FileStream owned)
    {
        using (owned)
        {
            try
            {
                if (Directory.Exists(path))
                {
                    Directory.Delete(path, recursive: true);
                }

                File.Delete(owned.Name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The lock file remains, and with it the next run's duty to try again.
            }
        }
    }
}
