using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace TaskTracker.Tests.Jobs;

/// <summary>Keeps the statements that a context executes, and asks PostgreSQL how it would execute them.</summary>
internal sealed class CommandPlans : DbCommandInterceptor
{
    private readonly ConcurrentQueue<(string Text, NpgsqlParameter[] Parameters)> _commands = new();

    /// <summary>The plans of all statements so far, of which nothing is executed again.</summary>
    public async Task<string> ExplainAsync(string connectionString)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        var plans = new List<string>();
        foreach (var (text, parameters) in _commands)
        {
            await using var explain = database.CreateCommand($"explain {text}");
            explain.Parameters.AddRange(parameters);
            await using var reader = await explain.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                plans.Add(reader.GetString(0));
            }
        }

        return string.Join('\n', plans);
    }

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        Keep(command);
        return base.ReaderExecutingAsync(command, eventData, result, cancellationToken);
    }

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        Keep(command);
        return base.NonQueryExecutingAsync(command, eventData, result, cancellationToken);
    }

    private void Keep(DbCommand command) =>
        _commands.Enqueue((command.CommandText, [.. command.Parameters.Cast<NpgsqlParameter>().Select(parameter => parameter.Clone())]));
}
