using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Operators;

/// <summary>
/// Who may use the operations API: accounts by their role, which is looked up for every request, so that taking it away
/// works at once; and who holds the operator key, which may do everything.
/// </summary>
internal static class OperatorAccess
{
    /// <summary>The policy of routes that show.</summary>
    public const string Read = "operators read";

    /// <summary>The policy of routes that act, or that show who acted.</summary>
    public const string Act = "operators act";

    public static void AddOperatorAccess(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<OperatorKeyOptions>()
            .BindConfiguration(OperatorKeyOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, OperatorKey>(OperatorKey.SchemeName, null);
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy(Read, policy => Require(policy, UserRole.Operator))
            .AddPolicy(Act, policy => Require(policy, UserRole.Admin));
        builder.Services.AddScoped<IAuthorizationHandler, RoleHandler>();
    }

    /// <summary>Whether the request holds the operator key.</summary>
    public static bool HoldsOperatorKey(this ClaimsPrincipal caller) =>
        caller.Identities.Any(identity => identity.AuthenticationType == OperatorKey.SchemeName);

    /// <summary>Who acts: a name for people, and the user's number; null for the key.</summary>
    public static (string Name, int? UserId) GetActor(this ClaimsPrincipal caller) => caller.HoldsOperatorKey()
        ? (OperatorKey.Actor, null)
        : (caller.FindFirstValue(ClaimTypes.Name)!, caller.GetUserId());

    private static void Require(AuthorizationPolicyBuilder policy, UserRole role) => policy
        .AddAuthenticationSchemes(BearerTokenDefaults.AuthenticationScheme, OperatorKey.SchemeName)
        .RequireAuthenticatedUser()
        .AddRequirements(new RoleRequirement(role));

    private sealed record RoleRequirement(UserRole Least) : IAuthorizationRequirement;

    private sealed class RoleHandler(TaskTrackerDbContext db) : AuthorizationHandler<RoleRequirement>
    {
        protected override async Task HandleRequirementAsync(AuthorizationHandlerContext context, RoleRequirement requirement)
        {
            if (context.User.HoldsOperatorKey() || (IsUser(context.User) && await FindRoleAsync(context) >= requirement.Least))
            {
                context.Succeed(requirement);
            }
        }

        private static bool IsUser(ClaimsPrincipal caller) => caller.Identity is { IsAuthenticated: true };

        private Task<UserRole> FindRoleAsync(AuthorizationHandlerContext context)
        {
            var id = context.User.GetUserId();
            return db.Users.Where(user => user.Id == id && user.IsActive).Select(user => user.Role)
                .SingleOrDefaultAsync((context.Resource as HttpContext)?.RequestAborted ?? CancellationToken.None);
        }
    }
}
