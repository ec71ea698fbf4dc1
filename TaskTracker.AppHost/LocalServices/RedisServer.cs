using System.Security.Cryptography;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>Makes Redis servers ready that are a cache and nothing else: they keep no data on disk and forget what they have no room for.</summary>
internal static class RedisServer
{
    /// <summary>Writes the server's configuration, with a new password each time.</summary>
    /// <param name="binaries">The program.</param>
    /// <param name="folder">Where the configuration is kept.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <exception cref="LocalServiceException">The disk refuses.</exception>
    public static async Task<LocalServer> PrepareAsync(SystemProgram binaries, string folder, CancellationToken cancellationToken)
    {
        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var configuration = Path.Combine(folder, "redis.conf");
        try
        {
            ServerAccount.CreateFolder(folder);
            await PrivateFile.WriteAsync(
                configuration,
                $"""
                requirepass {password}
                bind 127.0.0.1
                protected-mode yes
                save ""
                appendonly no
                maxmemory 256mb
                maxmemory-policy allkeys-lru
                daemonize no

                """,
                cancellationToken);
            await ServerAccount.GiveAsync(configuration, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LocalServiceException.FromDisk(folder, e);
        }

        return new LocalServer(ServerCommand.Create([binaries.Program, configuration, "--port"], binaries.Environment), password);
    }
}
