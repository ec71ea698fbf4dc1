using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.Deployment;

/// <summary>
/// A Postgres and a Redis as Production has them: TLS only, with a certificate of an authority made for the test, and passwords. Its
/// user for the jobs service owns one database and may make users, and is no superuser.
/// </summary>
internal sealed class SecureServers : IDisposable
{
    private readonly DataFolder _folder;
    private ServerProcess? _postgres;
    private ServerProcess? _redis;

    private SecureServers(DataFolder folder)
    {
        _folder = folder;
        Authority = Path.Combine(folder.Path, "ca.pem");
    }

    /// <summary>The file with the certificate that signed those of the servers.</summary>
    public string Authority { get; }

    public string Folder => _folder.Path;

    /// <summary>What an operator would give; the jobs service's user.</summary>
    public string Database { get; private set; } = "";

    /// <summary>The test's own look, as the superuser.</summary>
    public string Superuser { get; private set; } = "";

    public string Redis { get; private set; } = "";

    public static async Task<SecureServers> StartAsync()
    {
        var servers = new SecureServers(Servers.NewFolder());
        try
        {
            var (certificate, key) = await servers.CreateCertificateAsync();
            await servers.StartPostgresAsync(certificate, key);
            await servers.StartRedisAsync(certificate, key);
            return servers;
        }
        catch
        {
            // Nobody else knows of it yet.
            servers.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _postgres?.Dispose();
        _redis?.Dispose();
        _folder.Dispose();
    }

    private async Task<(string Certificate, string Key)> CreateCertificateAsync()
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

        var (certificateFile, keyFile) = (Path.Combine(_folder.Path, "server.crt"), Path.Combine(_folder.Path, "server.key"));
        await File.WriteAllTextAsync(Authority, root.ExportCertificatePem());
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
        await PrivateFile.WriteAsync(keyFile, serverKey.ExportPkcs8PrivateKeyPem(), CancellationToken.None);
        await ServerAccount.GiveAsync(keyFile, CancellationToken.None);
        await ServerAccount.LetReadAsync(certificateFile, CancellationToken.None);
        await ServerAccount.LetReadAsync(Authority, CancellationToken.None);

        return (certificateFile, keyFile);
    }

    private async Task StartPostgresAsync(string certificate, string key)
    {
        var binaries = await PostgresBinaries.GetAsync(LocalFolders.OfUser().Programs, Console.WriteLine, CancellationToken.None);
        var postgres = await PostgresServer.PrepareAsync(binaries, _folder.Path, "tasktracker", durable: false, Console.WriteLine, CancellationToken.None);
        var data = Path.Combine(_folder.Path, $"postgres-{binaries.MajorVersion}");
        await File.AppendAllTextAsync(
            Path.Combine(data, "postgresql.conf"), $"\nssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n");
        await File.WriteAllTextAsync(Path.Combine(data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");

        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = ServerProcess.FreePort(),
            Username = PostgresServer.User,
            Password = postgres.Password,
            Database = "tasktracker",
            SslMode = SslMode.VerifyFull,
            RootCertificate = Authority,
        };
        Superuser = connection.ConnectionString;
        _postgres = await ServerProcess.StartAsync(postgres.Command, connection.Port, () => PostgresForTests.AnswersAsync(Superuser));

        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        await using var source = NpgsqlDataSource.Create(Superuser);
        await using var create = source.CreateCommand(
            $"create role tasktracker login createrole password '{password}'; alter database tasktracker owner to tasktracker");
        await create.ExecuteNonQueryAsync();

        // As managed servers write it: encrypted. That Production also checks the certificate is the services' own doing.
        Database = $"Host=127.0.0.1;Port={connection.Port};Database=tasktracker;Username=tasktracker;Password={password};SSL Mode=Require";
    }

    private async Task StartRedisAsync(string certificate, string key)
    {
        var binaries = await RedisBinaries.GetAsync(LocalFolders.OfUser().Programs, Console.WriteLine, CancellationToken.None);
        var redis = await RedisServer.PrepareAsync(binaries, _folder.Path, CancellationToken.None);
        await File.AppendAllTextAsync(
            Path.Combine(_folder.Path, "redis.conf"),
            $"port 0\ntls-cert-file {certificate}\ntls-key-file {key}\ntls-ca-cert-file {Authority}\ntls-auth-clients no\n");
        var command = redis.Command with { Arguments = [.. redis.Command.Arguments.SkipLast(1), "--tls-port"] };

        var port = ServerProcess.FreePort();
        Redis = $"127.0.0.1:{port},password={redis.Password},ssl=true";
        _redis = await ServerProcess.StartAsync(command.WithFastStop(), port, () => IsListeningAsync(port));
    }

    internal static async Task<bool> IsListeningAsync(int port)
    {
        using var client = new System.Net.Sockets.TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
