using System.Globalization;
using System.Security.Claims;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Accounts;

/// <summary>
/// What an access token says about its bearer. No database is asked: the token itself is the proof. The role is not in it,
/// for taking a role away must not wait until the token ends.
/// </summary>
internal static class Caller
{
    private const string SessionClaim = "sid";

    public static ClaimsPrincipal Create(User user, Guid sessionId, string scheme)
    {
        var identity = new ClaimsIdentity(scheme);
        identity.AddClaim(new Claim(ClaimTypes.NameIdentifier, user.Id.ToString(CultureInfo.InvariantCulture)));
        identity.AddClaim(new Claim(ClaimTypes.Name, user.UserName!));
        identity.AddClaim(new Claim(SessionClaim, sessionId.ToString("N")));

        return new ClaimsPrincipal(identity);
    }

    public static int GetUserId(this ClaimsPrincipal caller) =>
        int.Parse(Get(caller, ClaimTypes.NameIdentifier), CultureInfo.InvariantCulture);

    public static Guid GetSessionId(this ClaimsPrincipal caller) => Guid.ParseExact(Get(caller, SessionClaim), "N");

    private static string Get(ClaimsPrincipal caller, string claim) => caller.FindFirstValue(claim)
        ?? throw new InvalidOperationException($"The access token holds no '{claim}': the route must require authorization.");
}
