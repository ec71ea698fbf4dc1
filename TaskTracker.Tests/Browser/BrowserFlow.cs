using System.Diagnostics;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Aspire.Hosting.Testing;
using TaskTracker.AppHost.LocalServices;
using TaskTracker.Tests.AppHost;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Browser;

/// <summary>
/// Drives Chromium through one of <c>flows/</c> and fails with the step that did. With <c>DASHBOARD_PICTURES</c> set to a folder, such as
/// the full path of docs/images, the pictures of docs/operations.md are made on the way.
/// </summary>
internal static class BrowserFlow
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private static readonly string Folder = typeof(BrowserFlow).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "BrowserFolder").Value!;

    /// <param name="flow">The flow's file, without its ending.</param>
    /// <param name="system">What it drives.</param>
    /// <param name="output">Told of each step.</param>
    /// <param name="answer">Does what the flow asks its host for.</param>
    /// <exception cref="ChromiumMissingException">There is no browser.</exception>
    public static async Task RunAsync(
        string flow, RunningSystem system, ITestOutputHelper output, Func<string, CancellationToken, Task> answer)
    {
        var chromium = await Chromium.GetAsync();
        using var client = system.App.CreateHttpClient("api", "http");
        var pictures = Path.Combine(AppContext.BaseDirectory, "browser-pictures");
        using var limit = new CancellationTokenSource(Limit);

        var start = new ProcessStartInfo(
            Tool.Find("node") ?? throw new InvalidOperationException("Node.js is not in PATH."),
            [Path.Combine(Folder, "run.mjs"), flow, client.BaseAddress!.GetLeftPart(UriPartial.Authority), chromium, pictures])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DASHBOARD_LOGIN"] = system.DashboardLogin.ToString();
        start.Environment["DASHBOARD_API_KEY"] = system.DashboardKey;
        start.Environment["OPERATOR_KEY"] = system.OperatorKey;

        using var node = Process.Start(start)!;
        var steps = 0;
        try
        {
            var errors = node.StandardError.ReadToEndAsync(limit.Token);
            while (await node.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                output.WriteLine(line);
                using var said = JsonDocument.Parse(line);
                if (said.RootElement.TryGetProperty("ask", out var asked))
                {
                    await answer(asked.GetString()!, limit.Token);
                    await node.StandardInput.WriteLineAsync("done");
                    continue;
                }

                Assert.True(said.RootElement.GetProperty("ok").GetBoolean(), Describe(said.RootElement));
                steps++;
            }

            await node.WaitForExitAsync(limit.Token);
            Assert.True(node.ExitCode == 0 && steps > 1, $"The flow '{flow}' ended with {node.ExitCode} after {steps} steps: {await errors}");
        }
        finally
        {
            if (!node.HasExited)
            {
                node.Kill(entireProcessTree: true);
            }
        }
    }

    private static string Describe(JsonElement step)
    {
        var text = new StringBuilder().Append("The step '").Append(step.GetProperty("step").GetString()).AppendLine("' failed:");
        foreach (var name in (string[])["error", "screenshot", "console"])
        {
            text.AppendLine(step.TryGetProperty(name, out var value) ? $"{name}: {value}" : "");
        }

        return text.ToString();
    }
}
