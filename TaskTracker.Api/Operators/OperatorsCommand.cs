using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Audit;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Api.Operators;

/// <summary>
/// Makes operators from the command line, for the first of them cannot be made by another. It reads the database's address
/// from where the service does.
/// </summary>
internal static class OperatorsCommand
{
    public const string Name = "operators";

    private const string Actor = "command-line";
    private const int MaxListed = 1_000;

    private const string Usage =
        """
        operators grant <user name or e-mail address> operator|admin   operator reads the operations API, admin also acts
        operators revoke <user name or e-mail address>                 takes the role away, at once
        operators list                                                 shows who has one
        The database is named as for the service: ConnectionStrings__tasktracker or DATABASE_URL.
        """;

    /// <returns>0 where it was done, 1 where it could not be, 2 where the command was not understood.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        string[] words = [.. args.Where(arg => !arg.StartsWith("--", StringComparison.Ordinal))];
        Func<IServiceProvider, Task<int>>? command = words switch
        {
            [_, "list"] => services => ListAsync(services, output),
            [_, "grant", var who, "operator"] => services => SetAsync(services, who, UserRole.Operator, output, error),
            [_, "grant", var who, "admin"] => services => SetAsync(services, who, UserRole.Admin, output, error),
            [_, "revoke", var who] => services => SetAsync(services, who, UserRole.User, output, error),
            _ => null,
        };
        if (command is null)
        {
            await error.WriteLineAsync(Usage);
            return 2;
        }

        try
        {
            var builder = Host.CreateApplicationBuilder(args);
            builder.Logging.ClearProviders();
            builder.AddServiceDefaults();
            builder.AddTaskTrackerData();
            builder.Services.AddSingleton<AuditTrail>();
            using var host = builder.Build();
            await using var scope = host.Services.CreateAsyncScope();

            return await command(scope.ServiceProvider);
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn)
        {
            await error.WriteLineAsync("The database has not the tables of this version: start the jobs service first, it brings them.");
            return 1;
        }
        catch (Exception exception) when (exception is NpgsqlException or RetryLimitExceededException or DbUpdateException)
        {
            await error.WriteLineAsync($"The database of ConnectionStrings:{DataServices.ConnectionName} cannot be used: {exception.GetBaseException().Message}");
            return 1;
        }
        catch (InvalidOperationException exception)
        {
            // It says which variable is missing or wrong.
            await error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    private static async Task<int> ListAsync(IServiceProvider services, TextWriter output)
    {
        var operators = await services.GetRequiredService<TaskTrackerDbContext>().Users.AsNoTracking()
            .Where(user => user.Role != UserRole.User).OrderBy(user => user.Id).Take(MaxListed).ToListAsync();
        foreach (var user in operators)
        {
            await output.WriteLineAsync($"{NameOf(user.Role)}\t{user.UserName}\t{user.Email}{(user.IsActive ? "" : "\tclosed")}");
        }

        if (operators.Count == 0)
        {
            await output.WriteLineAsync("Nobody is operator or admin yet.");
        }

        return 0;
    }

    private static async Task<int> SetAsync(IServiceProvider services, string who, UserRole role, TextWriter output, TextWriter error)
    {
        var db = services.GetRequiredService<TaskTrackerDbContext>();
        var normalized = who.Trim().ToUpperInvariant();
        var user = await db.Users.AsNoTracking().FirstOrDefaultAsync(user => user.NormalizedUserName == normalized || user.NormalizedEmail == normalized);
        if (user is null)
        {
            await error.WriteLineAsync($"Nobody is registered as '{who}': register first, then repeat this.");
            return 1;
        }

        var trail = services.GetRequiredService<AuditTrail>();
        var entry = await trail.BeginAsync(
            Actor, null, role == UserRole.User ? "revoke" : $"grant {NameOf(role)}", user.UserName!, reason: null, CancellationToken.None);
        await db.Users.Where(row => row.Id == user.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.Role, role));
        await trail.EndAsync(entry, AuditOutcome.Done, null);

        await output.WriteLineAsync(role == UserRole.User
            ? $"{user.UserName} is no operator any more (was {NameOf(user.Role)})."
            : $"{user.UserName} is {NameOf(role)} now (was {NameOf(user.Role)}).");
        return 0;
    }

    private static string NameOf(UserRole role) => role.ToString().ToLowerInvariant();
}
