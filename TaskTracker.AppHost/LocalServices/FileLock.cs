namespace TaskTracker.AppHost.LocalServices;

/// <summary>A lock between processes. It goes with its holder, however that ends.</summary>
internal static class FileLock
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>Takes the lock, or returns null while another process (or another caller in this one) holds it.</summary>
    public static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    /// <summary>Takes the lock, waiting up to <paramref name="limit"/> for whoever holds it.</summary>
    /// <returns>Null when it was still held at the end.</returns>
    public static async Task<FileStream?> TakeAsync(string path, TimeSpan limit, CancellationToken cancellationToken)
    {
        for (var end = Environment.TickCount64 + limit.TotalMilliseconds; Environment.TickCount64 < end;)
        {
            if (TryTake(path) is { } taken)
            {
                return taken;
            }

            await Task.Delay(RetryDelay, cancellationToken);
        }

        return null;
    }
}
