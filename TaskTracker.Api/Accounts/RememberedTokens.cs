using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Accounts;

/// <summary>Remembers for a moment whose a token is: to open its seal costs as much as the rest of a cached answer.</summary>
internal sealed class RememberedTokens(ISecureDataFormat<AuthenticationTicket> sealer, NearCache near) : ISecureDataFormat<AuthenticationTicket>
{
    private const string Prefix = "token:";

    // A principal and its claims.
    private const int Size = 2_000;

    public string Protect(AuthenticationTicket data) => sealer.Protect(data);

    public string Protect(AuthenticationTicket data, string? purpose) => sealer.Protect(data, purpose);

    // When the token ends is in the ticket, and looked at each time.
    public AuthenticationTicket? Unprotect(string? protectedText)
    {
        var key = Prefix + protectedText;
        var ticket = near.Find<AuthenticationTicket>(key);
        if (ticket is null && (ticket = sealer.Unprotect(protectedText)) is not null)
        {
            near.Keep(key, ticket, Size, NearCache.Life);
        }

        return ticket;
    }

    public AuthenticationTicket? Unprotect(string? protectedText, string? purpose) => sealer.Unprotect(protectedText, purpose);
}

internal static class RememberedTokensExtensions
{
    /// <summary>Remembers access tokens; refresh tokens are used once.</summary>
    public static void AddRememberedTokens(this IServiceCollection services) =>
        services.AddOptions<BearerTokenOptions>(BearerTokenDefaults.AuthenticationScheme)
            .PostConfigure<NearCache>((options, near) => options.BearerTokenProtector = new RememberedTokens(options.BearerTokenProtector, near));
}
