namespace TaskTracker.AppHost.LocalServices;

/// <summary>The Redis server program: the one installed, else the distribution's packages unpacked without installing them.</summary>
internal static class RedisBinaries
{
    // 'redis-tools' holds the program; 'redis-server' only its name, and services that nobody wants here.
    private static readonly ProgramPackages Packages = new(
        "Redis",
        "redis-server",
        ["redis-server", "redis-tools"],
        "install redis-server so that it is in PATH (Debian and Ubuntu: 'apt install redis-server', Fedora: 'dnf install redis', macOS: 'brew install redis'), "
        + "or name a server of your own in ConnectionStrings__cache");

    /// <summary>Finds the program, or fetches it on first use.</summary>
    /// <param name="programs">The folder all fetched programs share.</param>
    /// <param name="report">Told what takes its time.</param>
    /// <param name="cancellationToken">Ends the fetching.</param>
    /// <param name="searchPath">Where to look for programs instead of in <c>PATH</c>.</param>
    /// <exception cref="LocalServiceException">It is neither installed nor to be fetched.</exception>
    public static Task<SystemProgram> GetAsync(string programs, Action<string> report, CancellationToken cancellationToken, string? searchPath = null) =>
        SystemProgram.GetAsync(Packages, programs, report, cancellationToken, searchPath);
}
