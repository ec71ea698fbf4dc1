namespace TaskTracker.AppHost.LocalServices;

/// <summary>A folder of fetched programs that is either absent or complete, whoever else fetches at the same time.</summary>
internal static class ProgramFolder
{
    private static readonly TimeSpan WaitForOthers = TimeSpan.FromMinutes(10);

    /// <summary>Returns <paramref name="folder"/>, first filling it through <paramref name="fill"/> if it is not there yet.</summary>
    /// <param name="folder">Its final path.</param>
    /// <param name="fill">Fills the empty folder it is given; when it fails nothing remains.</param>
    /// <param name="cancellationToken">Ends the wait and the filling.</param>
    public static async Task<string> GetOrFillAsync(string folder, Func<string, Task> fill, CancellationToken cancellationToken)
    {
        if (Directory.Exists(folder))
        {
            return folder;
        }

        var beside = folder + ".new";
        try
        {
            ServerAccount.CreateFolder(Path.GetDirectoryName(folder)!);
            using var turn = await FileLock.TakeAsync(folder + ".lock", WaitForOthers, cancellationToken)
                ?? throw new LocalServiceException($"Another process has been filling {folder} for {WaitForOthers.TotalMinutes:0} minutes: end it and start again.");
            if (Directory.Exists(folder))
            {
                return folder;
            }

            try
            {
                DeleteIfThere(beside);
                ServerAccount.CreateFolder(beside);
                await fill(beside);
                await ServerAccount.LetReadAsync(beside, cancellationToken);
                Directory.Move(beside, folder);
            }
            finally
            {
                DeleteIfThere(beside);
            }

            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(folder, e);
        }
    }

    private static void DeleteIfThere(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
