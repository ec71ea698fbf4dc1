using TaskTracker.AppHost.LocalServices;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Deployment;

/// <summary>The rules of <c>deploy/alerts.yaml</c>, run by Prometheus' own tool. That the metrics they name are sent is told by <see cref="Telemetry.SeriesTests"/>.</summary>
public sealed class AlertRulesTests(ITestOutputHelper output) : IDisposable
{
    private static readonly ProgramPackages s_packages = new(
        "Prometheus", "promtool", ["prometheus"], "install Prometheus so that promtool is in PATH to test the alert rules");

    private readonly string _folder = Directory.CreateTempSubdirectory("alerts").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Each_rule_calls_when_it_should_and_only_then()
    {
        SystemProgram promtool;
        try
        {
            promtool = await SystemProgram.GetAsync(s_packages, LocalFolders.OfUser().Programs, output.WriteLine, CancellationToken.None);
        }
        catch (LocalServiceException exception)
        {
            output.WriteLine($"Not checked: {exception.Message}");
            return;
        }

        // The tests name the rules beside them.
        File.Copy(Repository.File("deploy/alerts.yaml"), Path.Combine(_folder, "alerts.yaml"));
        File.Copy(Repository.File("TaskTracker.Tests/Deployment/alerts.test.yaml"), Path.Combine(_folder, "alerts.test.yaml"));
        var result = await Tool.RunAsync(
            promtool.Program, ["test", "rules", "alerts.test.yaml"], TimeSpan.FromMinutes(1), CancellationToken.None, _folder, environment: promtool.Environment);

        Assert.True(result.ExitCode == 0, result.Output);
    }
}
