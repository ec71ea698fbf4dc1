namespace TaskTracker.AppHost.LocalServices;

/// <summary>The folder for the data of one AppHost at a time: the same at each start, or one that is thrown away.</summary>
internal sealed class DataFolder : IDisposable
{
    private const string LockEnding = ".lock";

    // Longer than an AppHost needs to end.
    private static readonly TimeSpan WaitForFormerOwner = TimeSpan.FromSeconds(15);

    private readonly FileStream owned;
    private readonly bool throwAway;

    private DataFolder(string path, FileStream owned, bool throwAway)
    {
        Path = path;
        this.owned = owned;
        this.throwAway = throwAway;
    }

    /// <summary>The full path of the folder.</summary>
    public string Path { get; }

    /// <summary>Opens the folder at <paramref name="path"/>, made on first use.</summary>
    /// <exception cref="LocalServiceException">Another AppHost uses it, or the disk refuses.</exception>
    public static async Task<DataFolder> OpenAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            ServerAccount.CreateFolder(path);
            var owned = await FileLock.TakeAsync(path + LockEnding, WaitForFormerOwner, cancellationToken) ?? throw new LocalServiceException(
                $"Another AppHost of this folder is running with the data in {path}: end it, or start this one with LocalServices:Persist=false for data of its own.");

            return new(path, owned, throwAway: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(path, e);
        }
    }

    /// <summary>
    /// Makes a new folder under <paramref name="parent"/> that is deleted at its end, or by the next call here when this process was killed.
    /// </summary>
    /// <exception cref="LocalServiceException">The disk refuses.</exception>
    public static DataFolder CreateThrowAway(string parent)
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

            return new(path, owned, throwAway: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(parent, e);
        }
    }

    /// <summary>Lets go of the folder; a throw-away one is deleted.</summary>
    public void Dispose()
    {
        if (throwAway)
        {
            Delete(Path, owned);
        }
        else
        {
            owned.Dispose();
        }
    }

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
                // A server that is still ending writes there. The lock file remains, and with it the next run's duty to delete both.
            }
        }
    }
}
