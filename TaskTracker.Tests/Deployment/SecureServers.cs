using System.Net;
using System.Security.Cryptography;
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
    private ServerCertificate _certificate = null!;

    private SecureServers(DataFolder folder)
    {
        _folder = folder;
    }

    /// <summary>The file with the certificate that signed those of the servers.</summary>
    public string Authority => _certificate.Authority;

    public string Folder => _folder.Path;

    /// <summary>What an operator would give; the jobs service's user.</summary>
    public string Database { get; private set; } = "";

    /// <summary>The test's own look, as the superuser.</summary>
    public string Superuser { get; private set; } = "";

    public string Redis { get; private set; } = "";

    public static async Task<SecureServers> StartAsync()
    {
        var folder = Servers.NewFolder();
        var servers = new SecureServers(folder);
        try
        {
            servers._certificate = await ServerCertificate.CreateAsync(folder.Path);
            await servers.StartPostgresAsync();
            await servers.StartRedisAsync();
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

    private async Task StartPostgresAsync()
    {
        var binaries = await PostgresBinaries.GetAsync(LocalFolders.OfUser().Programs, Console.WriteLine, CancellationToken.None);
        var postgres = await PostgresServer.PrepareAsync(binaries, _folder.Path, "tasktracker", durable: false, Console.WriteLine, CancellationToken.None);
        var data = Path.Combine(_folder.Path, $"postgres-{binaries.MajorVersion}");
        await File.AppendAllTextAsync(
            Path.Combine(data, "postgresql.conf"), $"\nssl = on\nssl_cert_file = '{_certificate.File}'\nssl_key_file = '{_certificate.Key}'\n");
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

    private async Task StartRedisAsync()
    {
        var binaries = await RedisBinaries.GetAsync(LocalFolders.OfUser().Programs, Console.WriteLine, CancellationToken.None);
        var redis = await RedisServer.PrepareAsync(binaries, _folder.Path, CancellationToken.None);
        await File.AppendAllTextAsync(
            Path.Combine(_folder.Path, "redis.conf"),
            $"port 0\ntls-cert-file {_certificate.File}\ntls-key-file {_certificate.Key}\ntls-ca-cert-file {Authority}\ntls-auth-clients no\n");
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
