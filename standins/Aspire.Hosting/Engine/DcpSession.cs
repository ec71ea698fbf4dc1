using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

namespace Aspire.Hosting.Engine;

/// <summary>
/// The private folder of one run of the orchestrator. DCP keeps its connection file and the logs of its processes there,
/// so it is the owner's alone. The host holds a lock file open in it: a folder whose lock is free belongs to a dead host.
/// </summary>
internal sealed class DcpSession : IDisposable
{
    private const string Prefix = "tasktracker-dcp-";
    private const string LockName = "host.lock";

    // After a killed host DCP needs a few seconds to end what it ran, and then removes the folder itself.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(2);

    private readonly FileStream _lock;

    private DcpSession(string folder)
    {
        Folder = folder;
        _lock = new FileStream(Path.Combine(folder, LockName), FileMode.Create, FileAccess.Write, FileShare.None);
    }

    public string Folder { get; }

    public string ConnectionFile => Path.Combine(Folder, "kubeconfig");

    // CreateTempSubdirectory gives mode 0700.
    public static DcpSession Create() => new(Directory.CreateTempSubdirectory(Prefix).FullName);

    /// <summary>Removes what hosts left behind that died together with their DCP, as in a power cut.</summary>
    public static void RemoveDead()
    {
        foreach (var folder in Directory.EnumerateDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            try
            {
                if (DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) < Grace)
                {
                    continue;
                }

                using (new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None))
                {
                }

                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // In use, or another user's.
            }
        }
    }

    public string? ReadConnectionFile()
    {
        try
        {
            return File.ReadAllText(ConnectionFile);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _lock.Dispose();
        try
        {
            Directory.Delete(Folder, recursive: true);
        }
        catch (IOException)
        {
            // DCP is still ending and removes it itself.
        }
    }
}

/// <summary>What the connection file says: where DCP listens, whom to trust and how to sign in.</summary>
internal sealed partial record DcpConnection(Uri Server, X509Certificate2 Authority, string Token)
{
    /// <returns>The connection, or null while the file is not complete.</returns>
    public static DcpConnection? Parse(string? file)
    {
        if (file is null
            || Value(file, "server") is not { } server
            || Value(file, "certificate-authority-data") is not { } authority
            || Value(file, "token") is not { } token)
        {
            return null;
        }

        var pem = Encoding.UTF8.GetString(Convert.FromBase64String(authority));
        return new DcpConnection(new Uri(server), X509Certificate2.CreateFromPem(pem), token);
    }

    private static string? Value(string file, string key) =>
        Line().Matches(file).FirstOrDefault(line => line.Groups["key"].Value == key)?.Groups["value"].Value;

    // A value counts only with its line end: without one DCP may still be writing it.
    [GeneratedRegex("""^[\s-]*(?<key>[\w-]+):[ \t]*"?(?<value>[^"\s]+)"?[ \t]*\r?\n""", RegexOptions.Multiline)]
    private static partial Regex Line();
}
