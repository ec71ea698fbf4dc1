using Aspire.Hosting;

namespace StandIns.Tests.Hosting;

public sealed class ManifestTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("standins").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_manifest_is_what_azd_reads()
    {
        var builder = CreateBuilder("AllowStandInPublish=true");
        var cache = builder.AddRedis("cache");
        var database = builder.AddPostgres("pg").WithDataVolume("pg-data").AddDatabase("tasks");
        builder.AddExecutable("local", "local", ".").ExcludeFromManifest();
        builder.AddProject<Api>("api", launchProfileName: null).WithHttpEndpoint(port: 8000).WithExternalHttpEndpoints()
            .WithReference(cache).WithReference(database).WithEnvironment("KEY", builder.AddParameter("key", secret: true));

        await RunAsync(builder);

        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Hosting", "manifest.json")), await File.ReadAllTextAsync(Path.Combine(_folder, "aspire-manifest.json")) + "\n");
    }

    [Fact]
    public async Task Stand_ins_refuse_to_publish_unless_told_that_it_is_meant()
    {
        var builder = CreateBuilder();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => RunAsync(builder));

        Assert.Contains("AspirePackages=official", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(_folder));
    }

    private IDistributedApplicationBuilder CreateBuilder(params string[] args) => DistributedApplication.CreateBuilder(new DistributedApplicationOptions
    {
        Args = ["--publisher", "manifest", "--output-path", _folder, .. args],
        ProjectDirectory = _folder,
    });

    private static async Task RunAsync(IDistributedApplicationBuilder builder)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var app = builder.Build();
        await app.RunAsync(limit.Token);
    }

    private sealed class Api : IProjectMetadata
    {
        public string ProjectPath => Path.Combine(Path.GetTempPath(), "api", "Api.csproj");
    }
}
