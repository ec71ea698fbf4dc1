using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.DataProtection;

namespace TaskTracker.Api.Accounts;

/// <summary>Registers accounts, tokens, and the rule that a route needs a token unless it says otherwise.</summary>
internal static class AccountServices
{
    public static void AddAccounts(this IHostApplicationBuilder builder)
    {
        builder.AddSharedKeys();

        // It keeps no state, and Identity's own registration would tie it to a request.
        builder.Services.AddSingleton<IPasswordHasher<User>, PasswordHasher<User>>();
        builder.Services.AddIdentityCore<User>(options =>
        {
            options.User.RequireUniqueEmail = true;
            // Names of any language; what the database cannot keep is refused before.
            options.User.AllowedUserNameCharacters = "";

            // Length counts, composition rules only make passwords worse (NIST SP 800-63B, section 3.1.1.2).
            options.Password.RequiredLength = RegisterRequest.PasswordMinLength;
            options.Password.RequireDigit = false;
            options.Password.RequireLowercase = false;
            options.Password.RequireUppercase = false;
            options.Password.RequireNonAlphanumeric = false;
            options.Password.RequiredUniqueChars = 3;

            options.Lockout.MaxFailedAccessAttempts = 10;
            options.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
        }).AddEntityFrameworkStores<TaskTrackerDbContext>();

        builder.Services.AddAuthentication(BearerTokenDefaults.AuthenticationScheme).AddBearerToken();
        builder.Services.AddRememberedTokens();
        builder.Services.AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());

        builder.Services.AddSingleton<AccessTokens>();
        builder.Services.AddSingleton<UserSpans>();
        builder.Services.AddSingleton<DecoyPassword>();
        builder.Services.AddScoped<LogIn>();
        builder.Services.AddScoped<Registration>();
        builder.Services.AddScoped<Sessions>();
    }
}
