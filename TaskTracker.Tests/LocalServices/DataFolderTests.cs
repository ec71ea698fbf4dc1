using System.Runtime.Versioning;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

[UnsupportedOSPlatform("windows")]
public sealed class DataFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_throw_away_folder_whose_run_was_killed_goes_with_the_next_and_one_in_use_stays()
    {
        using var inUse = DataFolder.CreateThrowAway(folder.Path);
        Directory.CreateDirectory(folder["killed"]);
        File.WriteAllText(folder["killed.lock"], "");

        using (DataFolder.CreateThrowAway(folder.Path))
        {
            Assert.False(Directory.Exists(folder["killed"]));
        }

        Assert.Equal([inUse.Path], Directory.GetDirectories(folder.Path));
    }

    [Fact]
    public async Task A_kept_folder_is_for_one_AppHost_at_a_time()
    {
        using var first = await DataFolder.OpenAsync(folder["data"], CancellationToken.None);

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(() => DataFolder.OpenAsync(folder["data"], CancellationToken.None));

        Assert.StartsWith("Another AppHost of this folder is running", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_clone_has_data_of_its_own_in_the_same_place_every_time()
    {
        var folders = new LocalFolders("/programs", "/data");

        Assert.Equal(folders.DataOf("/src/tasktracker/TaskTracker.AppHost"), folders.DataOf("/src/tasktracker/TaskTracker.AppHost/"));
        Assert.NotEqual(folders.DataOf("/src/tasktracker/TaskTracker.AppHost"), folders.DataOf("/other/tasktracker/TaskTracker.AppHost"));
    }

    [Fact]
    public void A_disk_error_names_the_folder()
    {
        var error = Assert.Throws<LocalServiceException>(() => DataFolder.CreateThrowAway("/proc/self/nothing-can-be-made-here"));

        Assert.StartsWith("/proc/self/nothing-can-be-made-here cannot be written:", error.Message, StringComparison.Ordinal);
    }
}
