using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using TaskTracker.AppHost.LocalServices;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Deployment;

/// <summary>Of one collection with what else publishes: two builds at once would write the same files.</summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class ContainerImageTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);
    private readonly string _folder = Directory.CreateTempSubdirectory("image").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_api_is_published_as_an_image_without_root()
    {
        var archive = Path.Combine(_folder, "api.tar.gz");
        var result = await Tool.RunAsync(
            "dotnet",
            ["publish", Repository.File("TaskTracker.Api/TaskTracker.Api.csproj"), "-c", "Release", "-t:PublishContainer", "--no-restore", "--nologo",
                "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false", "-p:AllowStandInPublish=true",
                $"-p:ContainerArchiveOutputPath={archive}"],
            s_limit,
            CancellationToken.None,
            Repository.Root);

        if (result.ExitCode != 0)
        {
            // The SDK's own errors of images begin with CONTAINER; the build itself must have gone through.
            Assert.Matches("error CONTAINER1|mcr.microsoft.com", result.Output);
            output.WriteLine($"Not checked: the base image cannot be had here ({result.LastWords}).");
            return;
        }

        var configuration = ReadConfiguration(archive);
        Assert.Contains(configuration.GetProperty("User").GetString(), (string[])["app", "1654"]);
        Assert.Equal(["dotnet", "/app/TaskTracker.Api.dll"], configuration.GetProperty("Entrypoint").EnumerateArray().Select(part => part.GetString()));
    }

    private static JsonElement ReadConfiguration(string archive)
    {
        using var file = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(file);
        while (tar.GetNextEntry() is { } entry)
        {
            // Layers are archives themselves; the configuration is the JSON file that speaks of one.
            if (entry.DataStream is { } data && entry.Length < 1_000_000 && JsonOf(data) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("config", out var configuration))
            {
                return configuration;
            }
        }

        throw new InvalidDataException("The image has no configuration.");
    }

    private static JsonElement? JsonOf(Stream data)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
