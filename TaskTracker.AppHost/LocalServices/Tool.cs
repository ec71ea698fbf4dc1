using System.ComponentModel;
using System.Diagnostics;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>What a <see cref="Tool"/> run came to.</summary>
internal sealed record ToolResult(int ExitCode, string Output)
{
    /// <summary>The line that most likely names the cause: the last that speaks of an error, else the last of all.</summary>
    public string LastWords
    {
        get
        {
            var lines = Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.LastOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase) || line.StartsWith("E:", StringComparison.Ordinal))
                ?? lines.LastOrDefault()
                ?? "it said nothing";
        }
    }
}

/// <summary>Finds programs and runs them to their end.</summary>
internal static class Tool
{
    /// <summary>The full path of a program in <paramref name="searchPath"/> (by default <c>PATH</c>), or null.</summary>
    public static string? Find(string program, string? searchPath = null)
    {
        string[] names = OperatingSystem.IsWindows() ? [program + ".exe", program + ".cmd"] : [program];
        var folders = (searchPath ?? Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

        return folders.SelectMany(_ => names, Path.Combine).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs a program without a console and returns its exit code and everything it wrote.</summary>
    /// <exception cref="LocalServiceException">It did not end within <paramref name="limit"/>, and was ended.</exception>
    public static async Task<ToolResult> RunAsync(
        string program,
        IEnumerable<string> arguments,
        TimeSpan limit,
        CancellationToken cancellationToken,
        string? folder = null,
        string? input = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Start(start);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await WriteInputAsync(process, input);
            await process.WaitForExitAsync(deadline.Token);

            return new(process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new LocalServiceException($"{Path.GetFileName(program)} did not end within {limit.TotalSeconds:0} seconds: try again, and run it by hand if that does not help.");
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new LocalServiceException($"{start.FileName} could not be started ({e.Message}): install it, or put it on the PATH.");
        }
    }

    private static async Task WriteInputAsync(Process process, string? input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its exit code says why.
        }
    }
}
