using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace StandIns.Tests.Engine;

/// <summary>However the AppHost ends, nothing it started stays.</summary>
[SupportedOSPlatform("linux")]
public sealed partial class HostEndTests
{
    private const int Kill = 9;
    private const int Terminate = 15;

    // What the processes of one test have in their command lines.
    private readonly string _marker = RandomNumberGenerator.GetInt32(100_000, 1_000_000).ToString(CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_host_that_is_asked_to_end_ends_everything_without_a_complaint()
    {
        using var host = StartHost();
        await UntilAsync(() => CountChildren() == 5, TimeSpan.FromSeconds(60));

        Assert.Equal(0, SendSignal(host.Id, Terminate));

        var output = host.StandardOutput.ReadToEndAsync();
        var errors = host.StandardError.ReadToEndAsync();
        await host.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, host.ExitCode);
        Assert.Equal(0, CountChildren());
        Assert.Empty(await errors);
        Assert.DoesNotContain("fail:", await output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_host_leaves_no_process()
    {
        using var host = StartHost();
        await UntilAsync(() => CountChildren() == 5, TimeSpan.FromSeconds(60));

        Assert.Equal(0, SendSignal(host.Id, Kill));

        await UntilAsync(() => CountChildren() == 0, TimeSpan.FromSeconds(20));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);

    private static async Task UntilAsync(Func<bool> condition, TimeSpan limit)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < limit, $"Not so within {limit}.");
            await Task.Delay(100);
        }
    }

    private Process StartHost() => Process.Start(new ProcessStartInfo("dotnet", HostProgram.CommandLine("apphost", _marker))
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>The two shells and the three sleeps below them, but not the host itself.</summary>
    private int CountChildren() => Directory.GetDirectories("/proc").Count(folder =>
    {
        try
        {
            var commandLine = File.ReadAllText(Path.Combine(folder, "cmdline"));
            return commandLine.Contains(_marker, StringComparison.Ordinal) && !commandLine.Contains("apphost", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    });
}
