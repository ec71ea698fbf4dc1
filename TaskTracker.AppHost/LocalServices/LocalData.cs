namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// The data folder of this AppHost, shared by its local servers and opened when the first of them is prepared: the clone's own, which is
/// there again at the next start, or one for this run alone.
/// </summary>
internal sealed class LocalData(LocalFolders folders, string appHostFolder, bool persists) : IDisposable
{
    private readonly SemaphoreSlim opening = new(1);
    private DataFolder? folder;

    /// <summary>Whether the data is to be there again at the next start.</summary>
    public bool Persists { get; } = persists;

    /// <summary>The folder's path.</summary>
    /// <exception cref="LocalServiceException">Another AppHost uses it, or the disk refuses.</exception>
    public async Task<string> GetFolderAsync(CancellationToken cancellationToken)
    {
        await opening.WaitAsync(cancellationToken);
        try
        {
            folder ??= Persists
                ? await DataFolder.OpenAsync(folders.DataOf(appHostFolder), cancellationToken)
                : DataFolder.CreateThrowAway(Path.Combine(folders.Data, "throw-away"));

            return folder.Path;
        }
        finally
        {
            opening.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        folder?.Dispose();
        opening.Dispose();
    }
}
