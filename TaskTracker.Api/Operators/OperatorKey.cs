using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace TaskTracker.Api.Operators;

/// <summary>
/// Lets programs act as an administrator without an account, by a key in a header. There is none unless it is configured:
/// in development the AppHost makes one for the dashboard's commands.
/// </summary>
internal sealed class OperatorKey(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IOptions<OperatorKeyOptions> configured)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    /// <summary>The name of the authentication scheme.</summary>
    public const string SchemeName = "OperatorKey";

    /// <summary>The header that holds the key.</summary>
    public const string Header = "X-Operator-Key";

    /// <summary>What the audit calls whoever holds the key.</summary>
    public const string Actor = "operator-key";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers[Header] is not [{ } given])
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        if (configured.Value.Key is not { } key || !AreEqual(given, key))
        {
            return Task.FromResult(AuthenticateResult.Fail("The operator key is wrong."));
        }

        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, Actor)], SchemeName);
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName)));
    }

    // Of hashes, whose length tells nothing about the key's.
    private static bool AreEqual(string given, string key) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}

/// <summary>The key of operators' programs. Bound to the configuration section <c>Operations</c>.</summary>
internal sealed class OperatorKeyOptions : IValidatableObject
{
    public const string SectionName = "Operations";
    private const int MinLength = 32;

    /// <summary>At least 32 characters; without one no key is accepted.</summary>
    public string? Key { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Key is { Length: < MinLength })
        {
            yield return new ValidationResult(
                $"{SectionName}:{nameof(Key)} must have at least {MinLength} characters, for example from 'openssl rand -base64 32', or be absent.", [nameof(Key)]);
        }
    }
}
