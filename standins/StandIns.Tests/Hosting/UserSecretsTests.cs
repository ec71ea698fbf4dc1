using System.Text.Json.Nodes;
using Aspire.Hosting;

namespace StandIns.Tests.Hosting;

public sealed class UserSecretsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("standins").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_saved_secret_stands_beside_the_others_in_a_file_of_its_owners_alone()
    {
        var file = Path.Combine(_folder, "secrets.json");
        File.WriteAllText(file, """{ "Parameters:other": "kept" } // by hand""");

        new UserSecrets(file).Save("Parameters:cache-password", "generated");

        var secrets = JsonNode.Parse(File.ReadAllText(file))!;
        Assert.Equal("kept", (string?)secrets["Parameters:other"]);
        Assert.Equal("generated", (string?)secrets["Parameters:cache-password"]);
        Assert.Equal([file], Directory.EnumerateFiles(_folder));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }
}
