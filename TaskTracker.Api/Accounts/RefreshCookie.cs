namespace TaskTracker.Api.Accounts;

/// <summary>
/// Keeps the refresh token of a browser where no script reads it: in a cookie, for clients that ask for it by the header
/// <c>Refresh-Token: cookie</c>. No form and no link of another site can send that header, and its scripts may not:
/// neither the cookie nor the routes that heed it can be used from elsewhere.
/// </summary>
internal static class RefreshCookie
{
    public const string HeaderName = "Refresh-Token";
    public const string Name = "tasktracker_refresh";

    private const string Wanted = "cookie";

    /// <summary>Whether the client wants its refresh token kept in the cookie.</summary>
    public static bool IsWanted(HttpRequest request) => request.Headers[HeaderName] == Wanted;

    public static string? Read(HttpRequest request) => request.Cookies[Name];

    /// <summary>The tokens as the client wants them: the refresh token in the answer, or in the cookie alone.</summary>
    public static TokenResponse Deliver(HttpContext context, TokenResponse tokens)
    {
        if (!IsWanted(context.Request))
        {
            return tokens;
        }

        context.Response.Cookies.Append(Name, tokens.RefreshToken!, Options(context, Sessions.RefreshLife));
        return tokens with { RefreshToken = null };
    }

    public static void Delete(HttpContext context)
    {
        if (IsWanted(context.Request))
        {
            context.Response.Cookies.Append(Name, "", Options(context, TimeSpan.Zero));
        }
    }

    private static CookieOptions Options(HttpContext context, TimeSpan life) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Secure = context.Request.IsHttps,
        Path = "/auth",
        MaxAge = life,
        IsEssential = true,
    };
}
