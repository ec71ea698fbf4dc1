using System.Collections.Concurrent;
using System.Runtime.Versioning;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

[UnsupportedOSPlatform("windows")]
public sealed class PostgresBinariesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ConcurrentQueue<string> reports = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Two_that_ask_at_once_get_one_fetch_and_the_same_programs()
    {
        var both = await Task.WhenAll(GetAsync(), GetAsync());

        Assert.Equal(both[0], both[1]);
        Assert.Single(reports);
        var version = await Tool.RunAsync(both[0]["postgres"], ["--version"], TimeSpan.FromSeconds(10), CancellationToken.None);
        Assert.Contains($"(PostgreSQL) {both[0].MajorVersion}.", version.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_with_another_hash_is_refused_and_nothing_of_it_remains()
    {
        var lockFile = folder["package-lock.json"];
        await File.WriteAllTextAsync(lockFile, (await File.ReadAllTextAsync(PostgresBinaries.LockFile)).Replace("sha512-", "sha512-AAAA", StringComparison.Ordinal));

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(() => GetAsync(lockFile: lockFile));

        Assert.Contains("instead of sha512-AAAA", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(folder["programs"]));
    }

    [Fact]
    public async Task Without_npm_the_message_says_to_install_Node()
    {
        var refusal = await Assert.ThrowsAsync<LocalServiceException>(() => GetAsync(searchPath: folder.Path));

        Assert.Contains("install Node.js", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failing_npm_is_quoted()
    {
        var searchPath = folder.WithProgram("npm", "echo 'npm error 404 Not Found' >&2; echo; exit 1");

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(() => GetAsync(searchPath: searchPath));

        Assert.EndsWith("failed with exit code 1: npm error 404 Not Found", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_called_by_its_name()
    {
        var searchPath = folder.WithProgram("npm", "echo 'npm error code ENOSPC' >&2; exit 228");

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(() => GetAsync(searchPath: searchPath));

        Assert.StartsWith("The disk that holds", refusal.Message, StringComparison.Ordinal);
    }

    private Task<PostgresBinaries> GetAsync(string? lockFile = null, string? searchPath = null) =>
        PostgresBinaries.GetAsync(folder["programs"], reports.Enqueue, CancellationToken.None, lockFile, searchPath);
}
