using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Api.Json;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Accounts;

/// <summary>Makes accounts.</summary>
internal sealed class Registration(UserManager<User> users, TimeProvider clock)
{
    // One text for both, so that nobody learns which of them is known here.
    private const string Taken = "The user name or the e-mail address is already registered.";

    public async Task<(User? User, Dictionary<string, string[]> Errors)> RegisterAsync(
        RegisterRequest request, CancellationToken cancellationToken)
    {
        var (name, email) = (request.Username, request.Email.Trim());
        if (name != name.Trim() || name.Any(char.IsControl))
        {
            return Refuse("username", "Must not begin or end with white space, nor contain control characters.");
        }

        // Login takes both, so nobody may be named as somebody else is addressed.
        if (name.Contains('@', StringComparison.Ordinal) && !name.Equals(email, StringComparison.OrdinalIgnoreCase))
        {
            return Refuse("username", "Must not contain '@', unless it is the e-mail address.");
        }

        if (request.Password.Equals(name, StringComparison.OrdinalIgnoreCase)
            || request.Password.Equals(email, StringComparison.OrdinalIgnoreCase))
        {
            return Refuse("password", "Must not be the user name or the e-mail address.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        var user = new User { UserName = name, Email = email, CreatedAt = clock.GetUtcNowToMicroseconds() };
        try
        {
            var result = await users.CreateAsync(user, request.Password);

            return result.Succeeded ? (user, []) : Refuse(Group(result.Errors));
        }
        catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            // Another request took it between the check and the insert.
            return Refuse("username", Taken);
        }
    }

    private static Dictionary<string, string[]> Group(IEnumerable<IdentityError> errors) => errors
        .Select(error => error.Code switch
        {
            nameof(IdentityErrorDescriber.DuplicateUserName) or nameof(IdentityErrorDescriber.DuplicateEmail) => ("username", Taken),
            nameof(IdentityErrorDescriber.InvalidEmail) => ("email", error.Description),
            nameof(IdentityErrorDescriber.InvalidUserName) => ("username", error.Description),
            _ => ("password", error.Description),
        })
        .Distinct()
        .GroupBy(error => error.Item1, error => error.Item2)
        .ToDictionary(field => field.Key, field => field.ToArray());

    private static (User?, Dictionary<string, string[]>) Refuse(string field, string text) =>
        Refuse(new Dictionary<string, string[]> { [field] = [text] });

    private static (User?, Dictionary<string, string[]>) Refuse(Dictionary<string, string[]> errors) => (null, errors);
}
