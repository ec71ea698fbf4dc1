using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.Deployment;

/// <summary>A certificate for servers on this machine, signed by an authority made for the test.</summary>
/// <param name="Authority">The file with the authority's certificate, for those who are to trust it.</param>
/// <param name="File">The file with the server's certificate.</param>
/// <param name="Key">The file with the server's key, which only the servers' account may read.</param>
internal sealed record ServerCertificate(string Authority, string File, string Key)
{
    /// <summary>Creates the three files in a folder.</summary>
    public static async Task<ServerCertificate> CreateAsync(string folder)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=TaskTracker test authority", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using var root = authority.CreateSelfSigned(from, to);

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=127.0.0.1", serverKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(root, from, to, RandomNumberGenerator.GetBytes(8));

        var files = new ServerCertificate(Path.Combine(folder, "ca.pem"), Path.Combine(folder, "server.crt"), Path.Combine(folder, "server.key"));
        await System.IO.File.WriteAllTextAsync(files.Authority, root.ExportCertificatePem());
        await System.IO.File.WriteAllTextAsync(files.File, certificate.ExportCertificatePem());
        await PrivateFile.WriteAsync(files.Key, serverKey.ExportPkcs8PrivateKeyPem(), CancellationToken.None);
        await ServerAccount.GiveAsync(files.Key, CancellationToken.None);
        await ServerAccount.LetReadAsync(files.File, CancellationToken.None);
        await ServerAccount.LetReadAsync(files.Authority, CancellationToken.None);

        return files;
    }
}
