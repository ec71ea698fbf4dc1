using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace TaskTracker.Tests.Api;

/// <summary>The texts of what a context sends to the database, in their order.</summary>
internal sealed class SentCommands : DbCommandInterceptor
{
    private readonly ConcurrentQueue<string> _texts = [];

    public int Count => _texts.Count;

    public IEnumerable<string> Since(int count) => _texts.Skip(count);

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
    {
        _texts.Enqueue(command.CommandText);
        return new(result);
    }

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        _texts.Enqueue(command.CommandText);
        return new(result);
    }
}
