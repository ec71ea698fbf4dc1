
namespace TaskTracker.AppHost.LocalServices;

/// <summary>A local service cannot run here; the message is one sentence that says what to do about it.</summary>
internal sealed class LocalServiceException : Aspire.Hosting.DistributedApplicationException
{
    private const int UnixNoSpace = 28;
    private const int WindowsDiskFull = 112;

    public LocalServiceException(string message)
        : base(message)
    {
    }

    private LocalServiceException(string message, Exception cause)
        : base(message, cause)
    {
    }

    /// <summary>Says that <paramref name="attempt"/> failed, with the tool's own last words, or that <paramref name="folder"/> lies on a full disk.</summary>
    public static LocalServiceException FromTool(string attempt, string folder, ToolResult result) =>
        result.Output.Contains("No space left on device", StringComparison.Ordinal) || result.Output.Contains("ENOSPC", StringComparison.Ordinal)
            ? new(DiskFull(folder))
            : new($"{attempt} failed with exit code {result.ExitCode}: {result.LastWords}");

    /// <summary>Says in one sentence why <paramref name="folder"/> could not be written.</summary>
    public static LocalServiceException FromDisk(string folder, Exception cause) => cause switch
    {
        IOException { HResult: var code } when (code & 0xFFFF) is UnixNoSpace or WindowsDiskFull => new(DiskFull(folder), cause),
        _ => new($"{folder} cannot be written: {cause.Message}", cause),
    };

    private static string DiskFull(string folder) => $"The disk that holds {folder} is full: free about 200 MB and start again.";
}
