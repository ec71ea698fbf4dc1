using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Npgsql;

namespace TaskTracker.Jobs.Schema;

/// <summary>
/// Makes the database user that the API connects as, where one is configured: it may read and write rows and nothing else, so that
/// who takes over the API can neither change the schema nor undo what the migrations have recorded.
/// </summary>
/// <remarks>No migration of its own: each start brings the user, its password and the tables it may use up to date.</remarks>
internal sealed class ApiRole(IOptions<ApiRoleOptions> options)
{
    // What a CREATE or ALTER takes only as literals, quoted by the server.
    private const string Write =
        """
        select format(
            case when exists (select from pg_roles where rolname = $1) then 'alter role %I login password %L' else 'create role %I login password %L' end,
            $1, $2)
        """;

    // Only what is ours to give: extensions keep views of other owners in the same schema.
    private const string Grant =
        """
        select concat_ws('; ',
            (select format('grant select, insert, update, delete on %s to %I', string_agg(format('%I.%I', schemaname, tablename), ', '), $1)
                from pg_tables where schemaname = current_schema() and tableowner = current_user),
            (select format('grant usage, select on sequence %s to %I', string_agg(format('%I.%I', schemaname, sequencename), ', '), $1)
                from pg_sequences where schemaname = current_schema() and sequenceowner = current_user),
            format('revoke insert, update, delete on "__EFMigrationsHistory" from %I', $1))
        """;

    /// <summary>Makes the user, or brings it up to date; called while the migrations' lock is held.</summary>
    /// <exception cref="InvalidOperationException">This service's own user may not do that, or it is the same one.</exception>
    public async Task PrepareAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (options.Value is not { Password: { } password, Name: var name })
        {
            return;
        }

        if (await AskAsync<bool>("select $1 = current_user or exists (select from pg_roles where rolname = $1 and rolsuper)", name))
        {
            throw new InvalidOperationException(
                $"{ApiRoleOptions.SectionName}:{nameof(ApiRoleOptions.Name)} is '{name}', a user with more rights than the API may have: give the name of one that is the API's alone.");
        }

        try
        {
            await RunAsync(await AskAsync<string>(Write, name, ScramSecret.Create(password)));
            await RunAsync(await AskAsync<string>(Grant, name));
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InvalidOperationException(
                $"The database user of the jobs service may not make the API's user '{name}': give it CREATEROLE, or leave {ApiRoleOptions.SectionName}:{nameof(ApiRoleOptions.Password)} unset and let both services use one user.",
                exception);
        }

        async Task<T> AskAsync<T>(string sql, params string[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
            {
                command.Parameters.Add(new() { Value = value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });
            }

            return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
        }

        async Task RunAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}

/// <summary>The database user of the API. Bound to the configuration section <c>ApiRole</c>.</summary>
internal sealed class ApiRoleOptions : IValidatableObject
{
    public const string SectionName = "ApiRole";

    /// <summary>The user's name.</summary>
    public string Name { get; set; } = "tasktracker_api";

    /// <summary>The user's password, in ASCII; without one no user is made.</summary>
    public string? Password { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        const int Shortest = 16;
        if (Password is not null && (Password.Length < Shortest || Password.Any(character => character is < '!' or > '~')))
        {
            yield return new ValidationResult($"{SectionName}:{nameof(Password)} must be at least {Shortest} ASCII characters without spaces.", [nameof(Password)]);
        }

        if (Name.Length is 0 or > 63)
        {
            yield return new ValidationResult($"{SectionName}:{nameof(Name)} must be 1 to 63 characters.", [nameof(Name)]);
        }
    }
}

/// <summary>
/// What PostgreSQL keeps in the place of a password (RFC 5803, SCRAM-SHA-256). Made here, so that the password itself is in no
/// statement, and so in no log of the server.
/// </summary>
internal static class ScramSecret
{
    private const int Iterations = 4096;

    public static string Create(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(16);
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.ASCII.GetBytes(password), salt, Iterations, HashAlgorithmName.SHA256, 32);
        var storedKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var serverKey = HMACSHA256.HashData(salted, "Server Key"u8);

        return $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(storedKey)}:{Convert.ToBase64String(serverKey)}";
    }
}
