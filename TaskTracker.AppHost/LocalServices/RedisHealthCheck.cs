using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace TaskTracker.AppHost.LocalServices;

/// <summary>
/// Healthy when Redis accepts the credentials and answers a <c>PING</c>. It speaks the protocol itself: the AppHost needs no Redis client
/// for anything else.
/// </summary>
/// <param name="connectionString">The connection string in the form of StackExchange.Redis.</param>
internal sealed class RedisHealthCheck(Func<CancellationToken, ValueTask<string?>> connectionString) : IHealthCheck
{
    // A proxy in front of a server that is not up yet accepts connections and keeps silent.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <inheritdoc />
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            return await PingAsync(await connectionString(limit.Token) ?? "", limit.Token) is { } refusal
                ? HealthCheckResult.Unhealthy($"Redis answers {refusal}")
                : HealthCheckResult.Healthy();
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return HealthCheckResult.Unhealthy("Redis does not answer", e);
        }
    }

    /// <summary>Asks once, and returns what Redis answered instead of the expected, or null when all is well.</summary>
    public static async Task<string?> PingAsync(string connectionString, CancellationToken cancellationToken)
    {
        var (host, port, options) = Parse(connectionString);

        using var client = new TcpClient();
        await client.ConnectAsync(host, port, cancellationToken);
        await using Stream stream = options.TryGetValue("ssl", out var isSecure) && bool.Parse(isSecure) ? new SslStream(client.GetStream()) : client.GetStream();
        if (stream is SslStream secure)
        {
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host }, cancellationToken);
        }

        using var reader = new StreamReader(stream);
        if (options.TryGetValue("password", out var password)
            && await SendAsync(options.TryGetValue("user", out var user) ? ["AUTH", user, password] : ["AUTH", password]) is var signedIn and not "+OK")
        {
            return signedIn;
        }

        return await SendAsync("PING") is var answer and not "+PONG" ? answer : null;

        async Task<string> SendAsync(params string[] words)
        {
            var command = string.Concat(words.Select(word => $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n"));
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"*{words.Length}\r\n{command}"), cancellationToken);
            return await reader.ReadLineAsync(cancellationToken) ?? throw new EndOfStreamException("Redis closed the connection.");
        }
    }

    /// <summary>Takes a connection string apart.</summary>
    /// <exception cref="FormatException">It does not begin with a host.</exception>
    public static (string Host, int Port, IReadOnlyDictionary<string, string> Options) Parse(string connectionString)
    {
        var parts = connectionString.Split(',', StringSplitOptions.TrimEntries);
        var server = new Uri("redis://" + parts[0]);
        var options = parts.Skip(1)
            .Select(option => option.Split('=', 2, StringSplitOptions.TrimEntries))
            .Where(option => option.Length == 2)
            .ToDictionary(option => option[0], option => option[1], StringComparer.OrdinalIgnoreCase);

        return (server.Host, server.Port is -1 ? 6379 : server.Port, options);
    }
}
