using System.Reflection;

namespace StandIns.Tests;

public class PublicSurfaceTests
{
    [Theory]
    [InlineData("Aspire.Hosting")]
    [InlineData("Aspire.Hosting.PostgreSQL")]
    [InlineData("Aspire.Hosting.Redis")]
    [InlineData("Aspire.Hosting.Testing")]
    [InlineData("Aspire.Npgsql.EntityFrameworkCore.PostgreSQL")]
    [InlineData("Aspire.StackExchange.Redis.OutputCaching")]
    [InlineData("OpenTelemetry.Extensions.Hosting")]
    public void Every_public_member_exists_in_the_official_package(string assembly)
    {
        var official = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "OfficialApi", $"{assembly}.txt")).ToHashSet();

        var ours = PublicSurface.Of(Assembly.Load(assembly)).Where(member => !official.Contains(member)).ToList();

        Assert.True(ours.Count == 0, $"{assembly} has public members that the official package lacks, or that are declared differently there:{Environment.NewLine}{string.Join(Environment.NewLine, ours)}");
    }
}
