using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using TaskTracker.AppHost.LocalServices;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Deployment;

/// <summary>The deployment on one machine: <c>deploy/</c>.</summary>
[UnsupportedOSPlatform("windows")]
public sealed partial class ComposeTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("compose").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("api")]
    [InlineData("jobs")]
    public async Task A_service_gets_the_variables_of_the_manifest(string service)
    {
        var manifest = await Manifest.PublishAsync("--ExternalRedis=true");
        var compose = await File.ReadAllTextAsync(Repository.File("deploy/compose.yaml"));
        var given = Variable().Matches(Section(compose, $"  {service}:") + Section(compose, "x-telemetry:") + Section(compose, "x-shared:"))
            .Select(match => match.Groups[1].Value).ToHashSet();

        var missing = manifest.Resources[service]!["env"]!.AsObject().Select(variable => variable.Key)
            // Here no platform's proxy is the only way in: who puts one in front names it.
            .Except(["ASPNETCORE_FORWARDEDHEADERS_ENABLED"])
            .Except(given);

        Assert.Empty(missing);
    }

    [Fact]
    public async Task Secrets_are_made_once_for_their_owner_alone_and_the_services_take_them()
    {
        var made = await MakeEnvironmentAsync();
        var again = await MakeEnvironmentAsync();
        var values = (await File.ReadAllLinesAsync(EnvironmentFile)).Where(line => line.Contains('=', StringComparison.Ordinal) && line[0] != '#')
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

        Assert.True(made.ExitCode == 0, made.Output);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("is there already", again.Output, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(EnvironmentFile));
        Assert.Equal(32, Convert.FromBase64String(values["DATA_PROTECTION_KEY"]).Length);
        Assert.Equal(values.Count, values.Values.Distinct().Count());
        Assert.All(values.Where(value => value.Key != "DATA_PROTECTION_KEY"), value => Assert.Matches("^[0-9a-f]{48}$", value.Value));
    }

    [Fact]
    public async Task The_compose_file_is_accepted_by_docker_compose()
    {
        if (Tool.Find("docker") is not { } docker || (await Tool.RunAsync(docker, ["compose", "version"], s_limit, CancellationToken.None)).ExitCode != 0)
        {
            output.WriteLine("Not checked: there is no 'docker compose' on this machine.");
            return;
        }

        await MakeEnvironmentAsync();
        var result = await Tool.RunAsync(
            docker, ["compose", "--env-file", EnvironmentFile, "--profile", "monitoring", "-f", Repository.File("deploy/compose.yaml"), "config", "--quiet"], s_limit, CancellationToken.None);

        Assert.True(result.ExitCode == 0, result.Output);
    }

    [Fact]
    public async Task A_backup_is_kept_only_when_it_is_whole_and_only_so_many()
    {
        // The arguments are what matters; what pg_dump itself does is not tried here.
        var program = Path.Combine(_folder, "pg_dump");
        await File.WriteAllTextAsync(program, "#!/bin/sh\nfor a; do case $a in --file=*) echo data >\"${a#--file=}\";; esac; done\n[ ! -e \"$BACKUP_FOLDER/broken\" ]\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var backups = Directory.CreateDirectory(Path.Combine(_folder, "backups")).FullName;

        var none = await BackupAsync("check");
        for (var day = 1; day <= 3; day++)
        {
            await File.WriteAllTextAsync(Path.Combine(backups, $"tasktracker-2026010{day}T000000Z.dump"), "old");
        }

        var once = await BackupAsync("once");
        var kept = Directory.GetFiles(backups, "*.dump").Length;
        var check = await BackupAsync("check");
        await File.WriteAllTextAsync(Path.Combine(backups, "broken"), "");
        var broken = await BackupAsync("once");

        Assert.Equal(1, none.ExitCode);
        Assert.True(once.ExitCode == 0, once.Output);
        Assert.Equal(2, kept);
        Assert.False(File.Exists(Path.Combine(backups, "tasktracker-20260102T000000Z.dump")));
        Assert.Equal(0, check.ExitCode);
        Assert.NotEqual(0, broken.ExitCode);
        Assert.Equal(2, Directory.GetFiles(backups, "*.dump").Length);

        Task<ToolResult> BackupAsync(string command) => Tool.RunAsync(
            "/bin/sh",
            [Repository.File("deploy/backup.sh"), command],
            s_limit,
            CancellationToken.None,
            environment: new Dictionary<string, string>
            {
                ["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}",
                ["BACKUP_FOLDER"] = backups,
                ["BACKUP_EVERY_SECONDS"] = "86400",
                ["BACKUP_KEEP"] = "2",
            });
    }

    private string EnvironmentFile => Path.Combine(_folder, ".env");

    private Task<ToolResult> MakeEnvironmentAsync() => Tool.RunAsync(
        "/bin/sh", [Repository.File("deploy/make-env")], s_limit, CancellationToken.None, environment: new Dictionary<string, string> { ["ENV_FILE"] = EnvironmentFile });

    // From its heading to the next line that is not indented further.
    private static string Section(string yaml, string heading)
    {
        var depth = heading.Length - heading.TrimStart().Length;
        var lines = yaml.Split('\n').SkipWhile(line => !line.StartsWith(heading, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(lines);
        return string.Join('\n', lines.Skip(1).TakeWhile(line => line.Length == 0 || line.Length - line.TrimStart().Length > depth));
    }

    [GeneratedRegex(@"^\s+(\w+):", RegexOptions.Multiline)]
    private static partial Regex Variable();
}
