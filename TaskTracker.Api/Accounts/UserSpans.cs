using System.Diagnostics;
using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using TaskTracker.Data.DataProtection;

namespace TaskTracker.Api.Accounts;

/// <summary>
/// Says on a request's span whose it is, as <c>enduser.id</c>, by a pseudonym: the same for one user on every replica, and
/// of no use to who reads the traces without the key.
/// </summary>
internal sealed class UserSpans(IOptions<SharedKeyOptions> options)
{
    // Numbers are few: without a key anybody could try them all.
    private readonly byte[] _key = HKDF.DeriveKey(
        HashAlgorithmName.SHA256,
        options.Value.Key is null ? "development"u8.ToArray() : options.Value.KeyBytes(),
        outputLength: 32,
        info: "enduser.id"u8.ToArray());

    /// <summary>Says on the span that is open, where it is recorded, whose it is.</summary>
    public void Mark(ClaimsPrincipal caller)
    {
        if (Activity.Current is { IsAllDataRequested: true } span && caller.HasClaim(claim => claim.Type == ClaimTypes.NameIdentifier))
        {
            span.SetTag("enduser.id", PseudonymOf(caller.GetUserId()));
        }
    }

    /// <summary>The pseudonym of a user: 16 hexadecimal digits.</summary>
    public string PseudonymOf(int user)
    {
        var hash = HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes(user.ToString(CultureInfo.InvariantCulture)));
        return Convert.ToHexStringLower(hash.AsSpan(0, 8));
    }
}

internal static class UserSpansExtensions
{
    /// <summary>Marks the spans of what comes after it; right behind authentication.</summary>
    public static void UseUserSpans(this WebApplication app)
    {
        var users = app.Services.GetRequiredService<UserSpans>();
        app.Use((context, next) =>
        {
            users.Mark(context.User);
            return next(context);
        });
    }
}
