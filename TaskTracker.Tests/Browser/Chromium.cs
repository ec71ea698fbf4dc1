using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.Browser;

/// <summary>The browser of the tests: the one installed, else installed from the distribution where this process may.</summary>
internal static class Chromium
{
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(10);

    private static readonly Lazy<Task<string>> Program = new(FindOrInstallAsync);

    /// <summary>The full path of the program.</summary>
    /// <exception cref="ChromiumMissingException">It is neither installed nor to be had.</exception>
    public static Task<string> GetAsync() => Program.Value;

    private static string? Find() => ((string[])["chromium", "chromium-browser", "google-chrome"]).Select(name => Tool.Find(name)).FirstOrDefault(path => path is not null);

    private static async Task<string> FindOrInstallAsync()
    {
        if (Find() is { } installed)
        {
            return installed;
        }

        if (!Environment.IsPrivilegedProcess || Tool.Find("apt-get") is not { } aptGet)
        {
            throw new ChromiumMissingException("there is none in PATH, and only root of Debian or Ubuntu can have it installed here");
        }

        var environment = new Dictionary<string, string> { ["DEBIAN_FRONTEND"] = "noninteractive" };
        foreach (var arguments in (string[][])[["--quiet", "update"], ["--quiet", "--yes", "--no-install-recommends", "install", "chromium", "fonts-dejavu-core"]])
        {
            var result = await Tool.RunAsync(aptGet, arguments, InstallLimit, CancellationToken.None, environment: environment);
            if (result.ExitCode != 0)
            {
                throw new ChromiumMissingException($"'apt-get {string.Join(' ', arguments)}' failed: {result.LastWords}");
            }
        }

        return Find() ?? throw new ChromiumMissingException("the distribution's package brought no program of that name");
    }
}

/// <summary>There is no browser to test with.</summary>
/// <param name="why">Why not.</param>
public sealed class ChromiumMissingException(string why)
    : Exception($"Skipped: Chromium is not to be had ({why}). Install it ('apt install chromium') to test the page.");
