using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace StandIns.Tests.Hosting;

public sealed class TestingBuilderTests : IDisposable
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));
    private readonly string _folder = Directory.CreateTempSubdirectory("standins").FullName;

    public void Dispose()
    {
        _limit.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_test_gets_the_app_hosts_builder_before_it_is_built()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<TestingBuilderTests>(_limit.Token);

        Assert.Equal(["greeting"], builder.Resources.Select(resource => resource.Name));
        Assert.Equal("true", builder.Configuration["DcpPublisher:RandomizePorts"]);
        Assert.Equal("true", builder.Configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"]);
    }

    [Fact]
    public async Task What_the_test_changes_is_in_the_application_that_it_starts_and_the_entry_point_does_not()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<TestingBuilderTests>(
            ["--publisher", "manifest", "--output-path", _folder, "AllowStandInPublish=true"], (options, _) => options.ProjectDirectory = _folder, _limit.Token);
        builder.Configuration["greeting"] = "good morning";
        builder.AddParameter("added", "by the test", publishValueAsDefault: true);

        await using var app = await builder.BuildAsync(_limit.Token);
        Assert.Empty(Directory.EnumerateFiles(_folder));
        await app.StartAsync(_limit.Token);

        var manifest = await File.ReadAllTextAsync(Path.Combine(_folder, "aspire-manifest.json"), _limit.Token);
        Assert.Contains("good morning", manifest, StringComparison.Ordinal);
        Assert.Contains("by the test", manifest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_app_host_that_fails_before_it_builds_fails_the_test_with_its_own_error()
    {
        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() =>
            DistributedApplicationTestingBuilder.CreateAsync<TestingBuilderTests>(["fail=no such luck"], _limit.Token));

        Assert.Equal("no such luck", error.Message);
    }
}
