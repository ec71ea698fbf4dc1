using System.Runtime.Versioning;
using Aspire.Hosting;
using Aspire.Hosting.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace StandIns.Tests.Engine;

[SupportedOSPlatform("linux")]
public sealed class AspireBundleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("bundle-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Installing_it_at_the_same_time_gives_everyone_the_same_whole_bundle()
    {
        var installs = Enumerable.Range(0, 3).Select(_ => AspireBundle.InstallAsync(_folder, "npm", NullLogger.Instance, Limit(TimeSpan.FromMinutes(5))));

        var bundles = await Task.WhenAll(installs);

        var bundle = Assert.Single(bundles.Distinct());
        Assert.True(File.Exists(bundle.DcpPath));
        Assert.True(File.Exists(bundle.DashboardPath));
        Assert.Equal([Path.Combine(_folder, AspireBundle.Version)], Directory.GetDirectories(_folder));

        // From now on neither npm nor the network is asked.
        Assert.Equal(bundle, await AspireBundle.InstallAsync(_folder, "/no/such/npm", NullLogger.Instance, Limit(TimeSpan.FromSeconds(5))));
    }

    [Theory]
    [InlineData("npm error code EINTEGRITY", "does not match the integrity hash")]
    [InlineData("npm error code ENOSPC", "disk is full")]
    [InlineData("npm error code E404", "does not serve")]
    [InlineData("npm error code ENOTFOUND", "check the connection to the npm registry")]
    public async Task A_failing_npm_is_told_in_one_sentence_and_leaves_nothing_half_done(string output, string sentence)
    {
        var npm = Path.Combine(_folder, "npm");
        await File.WriteAllTextAsync(npm, $"#!/bin/sh\necho '{output}' >&2\nexit 1\n");
        File.SetUnixFileMode(npm, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(
            () => AspireBundle.InstallAsync(Path.Combine(_folder, "cache"), npm, NullLogger.Instance, Limit(TimeSpan.FromSeconds(30))));

        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_folder, "cache")));
    }

    [Fact]
    public async Task A_missing_npm_is_told_with_what_to_install()
    {
        var error = await Assert.ThrowsAsync<DistributedApplicationException>(
            () => AspireBundle.InstallAsync(_folder, "/no/such/npm", NullLogger.Instance, Limit(TimeSpan.FromSeconds(30))));

        Assert.Contains("install Node.js", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_folder));
    }

    [Fact]
    public async Task A_cache_folder_that_cannot_be_written_is_named()
    {
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "");

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(
            () => AspireBundle.InstallAsync(Path.Combine(file, "cache"), "npm", NullLogger.Instance, Limit(TimeSpan.FromSeconds(30))));

        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains("XDG_CACHE_HOME", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configured_program_that_does_not_exist_is_named_with_its_setting()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("DcpPublisher:CliPath", "/no/such/dcp")])
            .Build();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(
            () => AspireBundle.GetAsync(configuration, NullLogger.Instance, Limit(TimeSpan.FromSeconds(30))));

        Assert.Contains("DcpPublisher:CliPath", error.Message, StringComparison.Ordinal);
        Assert.Contains("/no/such/dcp", error.Message, StringComparison.Ordinal);
    }

    private static CancellationToken Limit(TimeSpan limit) => new CancellationTokenSource(limit).Token;
}
