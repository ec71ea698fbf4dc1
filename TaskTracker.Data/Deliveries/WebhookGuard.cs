using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace TaskTracker.Data.Deliveries;

/// <summary>Finds the addresses of a host: the system's resolver, unless a test says otherwise.</summary>
/// <param name="host">A name, or an address as text.</param>
/// <param name="cancellationToken">Ends the wait.</param>
/// <returns>The addresses.</returns>
public delegate Task<IPAddress[]> ResolveHost(string host, CancellationToken cancellationToken);

/// <summary>
/// Keeps webhooks, whose URLs users choose, away from everything that is not a public host: a request that this service
/// sends comes from inside the network that it runs in. A URL is checked when it is set, to say so early; what counts is
/// the check of the very addresses that are then connected to.
/// </summary>
/// <param name="options">The networks that may be called although they are not public.</param>
/// <param name="environment">Production asks for https.</param>
/// <param name="resolve">The resolver.</param>
public sealed class WebhookGuard(IOptions<WebhookOptions> options, IHostEnvironment environment, ResolveHost resolve)
{
    private static readonly TimeSpan s_resolveLimit = TimeSpan.FromSeconds(5);

    // What IANA's registry of special-purpose addresses lists as not globally reachable, multicast, and forms that carry
    // an IPv4 address of any kind.
    private static readonly IPNetwork[] s_notPublic =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("127.0.0.0/8"),
        IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.0.0.0/24"), IPNetwork.Parse("192.0.2.0/24"),
        IPNetwork.Parse("192.88.99.0/24"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("198.18.0.0/15"), IPNetwork.Parse("198.51.100.0/24"),
        IPNetwork.Parse("203.0.113.0/24"), IPNetwork.Parse("224.0.0.0/4"), IPNetwork.Parse("240.0.0.0/4"),
        IPNetwork.Parse("2001::/23"), IPNetwork.Parse("2001:db8::/32"), IPNetwork.Parse("2002::/16"), IPNetwork.Parse("3fff::/20"),
    ];

    // Of IPv6 only this is handed out as public: loopback, mapped IPv4, NAT64, unique-local, link-local and multicast lie outside.
    private static readonly IPNetwork s_publicIpv6 = IPNetwork.Parse("2000::/3");

    private readonly IReadOnlyList<IPNetwork> _allowed = options.Value.ParseAllowedNetworks();

    /// <summary>Whether an address is one of the public internet.</summary>
    /// <param name="address">The address.</param>
    /// <returns>False for every range with another purpose.</returns>
    public static bool IsPublic(IPAddress address) =>
        (address.AddressFamily == AddressFamily.InterNetwork || s_publicIpv6.Contains(address))
        && !s_notPublic.Any(network => network.Contains(address));

    /// <summary>Checks a URL as far as that is possible without calling it.</summary>
    /// <param name="url">The URL as its user gave it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The URL.</returns>
    /// <exception cref="WebhookRefusedException">It may not be called, or its host is not to be found.</exception>
    public async Task<Uri> CheckAsync(string url, CancellationToken cancellationToken)
    {
        var parsed = Parse(url);
        try
        {
            await ResolveAsync(parsed, cancellationToken);
        }
        catch (Exception exception) when (exception is SocketException or TimeoutException)
        {
            throw new WebhookRefusedException("Its host cannot be found.");
        }

        return parsed;
    }

    /// <summary>Reads a URL and checks everything but the addresses behind it.</summary>
    /// <param name="url">The URL as its user gave it.</param>
    /// <returns>The URL.</returns>
    /// <exception cref="WebhookRefusedException">It may not be called.</exception>
    public static Uri Parse(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || (parsed.Scheme != Uri.UriSchemeHttps && parsed.Scheme != Uri.UriSchemeHttp))
        {
            throw new WebhookRefusedException("Must be an absolute URL that begins with https://.");
        }

        return parsed.UserInfo.Length == 0
            ? parsed
            : throw new WebhookRefusedException("Must not hold a user name or a password: verify the signature instead.");
    }

    /// <summary>Finds the addresses that a URL may be sent to: connect to these, and do not resolve again.</summary>
    /// <param name="url">A URL from <see cref="Parse"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>At least one address.</returns>
    /// <exception cref="WebhookRefusedException">One of them is not public and not allowed, or the URL must use https.</exception>
    /// <exception cref="SocketException">The host is not known.</exception>
    /// <exception cref="TimeoutException">The resolver does not answer.</exception>
    public async Task<IPAddress[]> ResolveAsync(Uri url, CancellationToken cancellationToken)
    {
        var addresses = await resolve(url.IdnHost, cancellationToken).WaitAsync(s_resolveLimit, cancellationToken);
        if (addresses.Length == 0)
        {
            throw new SocketException((int)SocketError.HostNotFound);
        }

        // Any one of several, or a check would depend on which of them is tried first.
        if (!addresses.All(address => IsPublic(address) || IsAllowed(address)))
        {
            throw new WebhookRefusedException("Its host is not a public one.");
        }

        return url.Scheme == Uri.UriSchemeHttps || !environment.IsProduction() || addresses.All(IsAllowed)
            ? addresses
            : throw new WebhookRefusedException("Must begin with https://.");
    }

    private bool IsAllowed(IPAddress address) => _allowed.Any(network => network.Contains(address));
}

/// <summary>A webhook's URL that may not be called.</summary>
/// <param name="message">A sentence about the URL for its user, without the URL and without addresses.</param>
public sealed class WebhookRefusedException(string message) : Exception(message);
