using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Accounts;

/// <summary>Remembers for a moment whose a token is: to open its seal costs as much as the rest of a cached answer.</summary>
internal sealed class RememberedTokens(ISecureDataFormat<AuthenticationTicket> sealer, NearCache near) : ISecureDataFormat<AuthenticationTicket>
{
    // A principal and its claims.
    private const int Size = 2_000;

    public string Protect(AuthenticationTicket data) => sealer.Protect(data);

    public string Protect(AuthenticationTicket data, string? purpose) => sealer.Protect(data, purpose);

    /// <summary>Whose a token is that was opened a moment ago and has not ended; null where it must be opened.</summary>
    public static ClaimsPrincipal? Find(NearCache near, ReadOnlySpan<char> token, DateTimeOffset now) =>
        near.Find<AuthenticationTicket>(token) is { } ticket && now < ticket.Properties.ExpiresUtc ? ticket.Principal : null;

    // When the token ends is in the ticket, and looked at each time.
    public AuthenticationTicket? Unprotect(string? protectedText)
    {
        // Nothing else that is kept there is a ticket, so a token alone can be its key.
        var ticket = near.Find<AuthenticationTicket>(protectedText);
        if (ticket is null && (ticket = sealer.Unprotect(protectedText)) is not null)
        {
            near.Keep(protectedText!, ticket, Size, NearCache.Life);
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
