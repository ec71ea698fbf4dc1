using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace TaskTracker.Tests.Deployment;

/// <summary>The project files read as if only the official packages existed, and restore with them.</summary>
public sealed class PackageTests
{
    private static readonly string[] s_official =
    [
        "Aspire.Hosting.Redis", "Aspire.Hosting.PostgreSQL", "Aspire.Hosting.Testing", "Aspire.StackExchange.Redis.OutputCaching",
        "Aspire.Npgsql.EntityFrameworkCore.PostgreSQL", "OpenTelemetry.Extensions.Hosting", "Quartz",
    ];

    // What the packages above ask for: Directory.Packages.props and eng/Versions.props of microsoft/aspire at its tag v13.5.2, for net10.0.
    private static readonly Dictionary<string, string> s_askedFor = new()
    {
        ["Google.Protobuf"] = "3.34.1",
        ["Microsoft.EntityFrameworkCore"] = "10.0.11",
        ["Microsoft.EntityFrameworkCore.Relational"] = "10.0.11",
        ["Npgsql"] = "10.0.2",
        ["Npgsql.EntityFrameworkCore.PostgreSQL"] = "10.0.0",
        ["OpenTelemetry"] = "1.15.3",
        ["OpenTelemetry.Exporter.OpenTelemetryProtocol"] = "1.15.3",
        ["OpenTelemetry.Extensions.Hosting"] = "1.15.3",
        ["Polly"] = "8.6.6",
        ["StackExchange.Redis"] = "2.13.1",
    };

    [Fact]
    public void Every_package_that_makes_this_an_Aspire_application_is_referenced()
    {
        var referenced = Projects().SelectMany(project => project.Descendants("PackageReference")).Select(reference => reference.Attribute("Include")!.Value);

        Assert.Empty(s_official.Except(referenced));
    }

    [Fact]
    public void No_version_is_pinned_below_what_Aspire_asks_for()
    {
        var tooOld =
            from pin in Versions()
            where s_askedFor.TryGetValue(pin.Key, out var asked) && Version.Parse(pin.Value) < Version.Parse(asked)
            select $"{pin.Key} {pin.Value}, asked for {s_askedFor[pin.Key]}";

        Assert.Empty(tooOld);
    }

    [Fact]
    public void Aspire_and_Quartz_are_of_the_releases_the_code_is_written_against()
    {
        var versions = Versions();
        var sdks = XDocument.Load(Repository.File("TaskTracker.AppHost/TaskTracker.AppHost.csproj")).Descendants("Import")
            .Where(import => import.Attribute("Sdk")?.Value == "Aspire.AppHost.Sdk").Select(import => import.Attribute("Version")!.Value);

        Assert.All(versions.Where(pin => pin.Key.StartsWith("Aspire.", StringComparison.Ordinal)), pin => Assert.StartsWith("13.5.", pin.Value, StringComparison.Ordinal));
        Assert.All(sdks, version => Assert.Equal(versions["Aspire.Hosting.Redis"], version));
        Assert.StartsWith("4.7.", versions["Quartz"], StringComparison.Ordinal);
    }

    // As the official packages see them: the stand-ins' overrides lie in standins/.
    private static Dictionary<string, string> Versions()
    {
        var central = XDocument.Load(Repository.File("Directory.Packages.props"));
        var properties = central.Descendants("PropertyGroup").Elements().ToDictionary(property => property.Name.LocalName, property => property.Value);
        var versions = new Dictionary<string, string>();
        foreach (var pin in central.Descendants("PackageVersion"))
        {
            versions[(pin.Attribute("Include") ?? pin.Attribute("Update"))!.Value] =
                Regex.Replace(pin.Attribute("Version")!.Value, @"\$\((\w+)\)", match => properties[match.Groups[1].Value]);
        }

        return versions;
    }

    private static IEnumerable<XDocument> Projects() =>
        from folder in Directory.EnumerateDirectories(Repository.Root, "TaskTracker.*")
        from file in Directory.EnumerateFiles(folder, "*.csproj")
        select XDocument.Load(file);
}
