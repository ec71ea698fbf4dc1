using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.Extensions.Options;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Accounts;

/// <summary>Access tokens: sealed by data protection, read by the framework's bearer token handler.</summary>
internal sealed class AccessTokens(IOptionsMonitor<BearerTokenOptions> options, TimeProvider clock)
{
    /// <summary>How long an access token is good. Logout and a closed account take effect on it no sooner.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(30);

    public string Create(User user, Guid sessionId)
    {
        const string Scheme = BearerTokenDefaults.AuthenticationScheme;
        var properties = new AuthenticationProperties { ExpiresUtc = clock.GetUtcNow() + Life };
        var ticket = new AuthenticationTicket(Caller.Create(user, sessionId, Scheme), properties, $"{Scheme}:AccessToken");

        return options.Get(Scheme).BearerTokenProtector.Protect(ticket);
    }
}
