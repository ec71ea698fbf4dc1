using System.Runtime.Versioning;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

[UnsupportedOSPlatform("windows")]
public sealed class RedisTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task An_installed_Redis_is_used_as_it_is()
    {
        var searchPath = folder.WithProgram("redis-server", "exit 0");

        var redis = await RedisBinaries.GetAsync(folder["programs"], Assert.Fail, CancellationToken.None, searchPath);

        Assert.Equal(new(folder["redis-server"], null), redis);
    }

    [Fact]
    public async Task Without_Redis_and_without_a_way_to_fetch_it_the_message_says_what_to_install()
    {
        var refusal = await Assert.ThrowsAsync<LocalServiceException>(
            () => RedisBinaries.GetAsync(folder["programs"], Assert.Fail, CancellationToken.None, searchPath: folder.Path));

        Assert.Contains("install redis-server", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings__cache", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_that_cannot_be_reached_is_named_with_what_to_install()
    {
        folder.WithProgram("dpkg-deb", "exit 0");
        var searchPath = folder.WithProgram("apt-get", "echo 'E: Failed to fetch the lists' >&2; exit 100");

        var refusal = await Assert.ThrowsAsync<LocalServiceException>(
            () => RedisBinaries.GetAsync(folder["programs"], _ => { }, CancellationToken.None, searchPath));

        Assert.Contains("install redis-server", refusal.Message, StringComparison.Ordinal);
        Assert.EndsWith("E: Failed to fetch the lists", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(folder["programs"]));
    }

    [Fact]
    public async Task On_Debian_and_Ubuntu_it_is_fetched_and_runs_without_being_installed()
    {
        if (Tool.Find("apt-get") is not { } aptGet || Tool.Find("dpkg-deb") is not { } dpkgDeb)
        {
            return;
        }

        // Neither program looks at a search path that holds a Redis.
        File.CreateSymbolicLink(folder["apt-get"], aptGet);
        File.CreateSymbolicLink(folder["dpkg-deb"], dpkgDeb);
        var binaries = await RedisBinaries.GetAsync(folder["programs"], _ => { }, CancellationToken.None, folder.Path);

        var port = ServerProcess.FreePort();
        var redis = await RedisServer.PrepareAsync(binaries, folder.Path, CancellationToken.None);
        using var server = await ServerProcess.StartAsync(
            redis.Command.WithFastStop(), port, () => RedisForTests.AnswersAsync($"127.0.0.1:{port},password={redis.Password}"));

        Assert.StartsWith(folder["programs"], binaries.Program, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_answers_only_with_its_password_which_nobody_else_can_see()
    {
        using var redis = await Servers.StartRedisAsync();
        var parts = redis.ConnectionString.Split(",password=");

        Assert.Null(await RedisHealthCheck.PingAsync(redis.ConnectionString, CancellationToken.None));
        Assert.StartsWith("-NOAUTH", await RedisHealthCheck.PingAsync(parts[0], CancellationToken.None), StringComparison.Ordinal);
        Assert.StartsWith("-WRONGPASS", await RedisHealthCheck.PingAsync(parts[0] + ",password=wrong", CancellationToken.None), StringComparison.Ordinal);
        Assert.DoesNotContain(PostgresServerTests.CommandLines(), line => line.Contains(parts[1], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Only_its_owner_may_read_its_configuration()
    {
        await RedisServer.PrepareAsync(new("redis-server", null), folder.Path, CancellationToken.None);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["redis.conf"]));
    }
}
