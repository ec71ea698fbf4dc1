using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Accounts;

/// <summary>Registering, logging in and out.</summary>
internal static class AccountEndpoints
{
    public static RouteGroupBuilder MapAccounts(this IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/auth").WithTags("Accounts").RequireSchema();

        accounts.MapPost("/register", Register).WithName(nameof(Register)).WithSummary("Register an account")
            .RequireRateLimiting(RateLimits.Credentials).AllowAnonymous();
        accounts.MapPost("/login", LogIn).WithName(nameof(LogIn)).WithSummary("Log in with a user name, or an e-mail address, and a password")
            .ProducesProblem(StatusCodes.Status401Unauthorized).RequireRateLimiting(RateLimits.Credentials).AllowAnonymous().DisableAntiforgery()
            .WithMetadata(
                new DocumentedExample("application/x-www-form-urlencoded", "username=ada&password=correct%20horse%20battery%20staple"),
                new DocumentedExample("multipart/form-data", new JsonObject { ["username"] = "ada", ["password"] = "correct horse battery staple" }));
        // Limited as all anonymous requests are: nobody guesses 256 random bits, and every load of the page comes here.
        accounts.MapPost("/refresh", Refresh).WithName(nameof(Refresh)).WithSummary("Exchange a refresh token for new tokens; each is good once")
            .ProducesProblem(StatusCodes.Status401Unauthorized).AllowAnonymous();
        accounts.MapPost("/logout", LogOut).WithName(nameof(LogOut)).WithSummary("End the session: its refresh tokens are revoked");
        accounts.MapGet("/me", Me).WithName(nameof(Me)).WithSummary("The account of the caller");

        return accounts;
    }

    private static async Task<Results<Ok<UserResponse>, ValidationProblem>> Register(
        RegisterRequest request, Registration registration, CancellationToken cancellationToken)
    {
        var (user, errors) = await registration.RegisterAsync(request, cancellationToken);

        return user is null ? TypedResults.ValidationProblem(errors) : TypedResults.Ok(UserResponse.From(user));
    }

    private const string CookieChoice =
        "'cookie' keeps the refresh token in a cookie that no script reads, for pages of this origin, and out of the answer.";

    private static async Task<Results<Ok<TokenResponse>, UnauthorizedProblem>> LogIn(
        [FromForm, Text(User.EmailMaxLength, MinimumLength = 1)] string username,
        [FromForm, Text(RegisterRequest.PasswordMaxLength, MinimumLength = 1)] string password,
        [FromHeader(Name = RefreshCookie.HeaderName), Description(CookieChoice)] string? refreshToken,
        LogIn logIn,
        Sessions sessions,
        HttpContext context,
        CancellationToken cancellationToken) =>
        await logIn.CheckAsync(username, password, cancellationToken) is { } user
            ? TypedResults.Ok(RefreshCookie.Deliver(context, await sessions.BeginAsync(user, cancellationToken)))
            : new UnauthorizedProblem("The user name or the password is wrong, or the account cannot log in now.");

    private static async Task<Results<Ok<TokenResponse>, ValidationProblem, UnauthorizedProblem>> Refresh(
        RefreshRequest? request,
        [FromHeader(Name = RefreshCookie.HeaderName), Description(CookieChoice)] string? refreshToken,
        Sessions sessions,
        HttpContext context,
        CancellationToken cancellationToken)
    {
        var token = RefreshCookie.IsWanted(context.Request) ? RefreshCookie.Read(context.Request) : request?.RefreshToken;
        if (token is null && !RefreshCookie.IsWanted(context.Request))
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["refresh_token"] = ["Must be given, and not be blank."] });
        }

        if (token is not null && await sessions.ContinueAsync(token, cancellationToken) is { } tokens)
        {
            return TypedResults.Ok(RefreshCookie.Deliver(context, tokens));
        }

        RefreshCookie.Delete(context);
        return new UnauthorizedProblem("The refresh token is not valid, or no longer: log in again.");
    }

    private static async Task<NoContent> LogOut(
        [FromHeader(Name = RefreshCookie.HeaderName), Description(CookieChoice)] string? refreshToken,
        ClaimsPrincipal caller,
        Sessions sessions,
        HttpContext context,
        CancellationToken cancellationToken)
    {
        await sessions.EndAsync(caller.GetUserId(), caller.GetSessionId(), cancellationToken);
        RefreshCookie.Delete(context);

        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<UserResponse>, UnauthorizedProblem>> Me(
        ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var id = caller.GetUserId();
        return await db.Users.AsNoTracking().SingleOrDefaultAsync(user => user.Id == id && user.IsActive, cancellationToken) is { } user
            ? TypedResults.Ok(UserResponse.From(user))
            : new UnauthorizedProblem("The account is closed.");
    }
}

/// <summary>Who registers.</summary>
/// <param name="Username">1 to 64 characters; an <c>@</c> only where it is the e-mail address itself.</param>
/// <param name="Email">The e-mail address.</param>
/// <param name="Password">8 to 128 characters.</param>
public sealed record RegisterRequest(
    [Text(User.UserNameMaxLength, MinimumLength = 1)] string Username,
    [Text(User.EmailMaxLength, MinimumLength = 3), EmailAddress(ErrorMessage = "Must be an e-mail address.")] string Email,
    [Text(RegisterRequest.PasswordMaxLength, MinimumLength = RegisterRequest.PasswordMinLength)] string Password)
{
    /// <summary>The shortest password, in characters.</summary>
    public const int PasswordMinLength = 8;

    /// <summary>The longest password, in characters: hashing takes time.</summary>
    public const int PasswordMaxLength = 128;
}

/// <summary>What a session goes on with.</summary>
/// <param name="RefreshToken">The refresh token that came last.</param>
public sealed record RefreshRequest([Text(200, MinimumLength = 1)] string RefreshToken);

/// <summary>An account.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Username">Its user name.</param>
/// <param name="Email">Its e-mail address.</param>
/// <param name="IsActive">False once it is closed.</param>
public sealed record UserResponse(int Id, string Username, string Email, bool IsActive)
{
    internal static UserResponse From(User user) => new(user.Id, user.UserName!, user.Email!, user.IsActive);
}

/// <summary>The tokens of a session.</summary>
/// <param name="AccessToken">Goes with every request as <c>Authorization: Bearer …</c>.</param>
/// <param name="TokenType">Always <c>bearer</c>.</param>
/// <param name="ExpiresIn">How long the access token is good, in seconds.</param>
/// <param name="RefreshToken">Good once, for new tokens; null where it is in the cookie.</param>
public sealed record TokenResponse(string AccessToken, string TokenType, int ExpiresIn, string? RefreshToken);
