using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// What small operations would spend most of their time on, each in a transaction of its own: writes that several of this process
/// share, so that they wait for one commit instead of for one each.
/// </summary>
internal sealed class SharedWrites(IServiceScopeFactory scopes)
{
    // As many operations as a process runs at once.
    private const int Most = 20;

    private readonly Dictionary<OperationKind, Together<string, Operation?>> _takes = Enum.GetValues<OperationKind>().ToDictionary(
        kind => kind, kind => new Together<string, Operation?>(firings => TakeAsync(scopes, kind, firings), Most));

    private readonly Together<FinishedExport, bool> _completions = new(exports => CompleteAsync(scopes, exports), Most);

    /// <summary>Takes the operation that has waited longest, and begins it.</summary>
    /// <param name="kind">The kind of operation.</param>
    /// <param name="fireInstance">The firing that goes on with it.</param>
    /// <returns>The operation as the attempt finds it, or null where none waits.</returns>
    public Task<Operation?> TakeAsync(OperationKind kind, string fireInstance) => _takes[kind].RunAsync(fireInstance);

    /// <summary>Ends an export with the last piece of its file.</summary>
    /// <param name="export">The export.</param>
    /// <returns>A task that ends with the commit.</returns>
    /// <exception cref="TakenOverException">Another attempt has begun, or has ended it.</exception>
    public async Task CompleteAsync(FinishedExport export)
    {
        if (!await _completions.RunAsync(export))
        {
            throw new TakenOverException();
        }
    }

    private static async Task<IReadOnlyList<Operation?>> TakeAsync(IServiceScopeFactory scopes, OperationKind kind, IReadOnlyList<string> firings)
    {
        await using var scope = scopes.CreateAsyncScope();
        var taken = await scope.ServiceProvider.GetRequiredService<OperationLedger>().TakeAsync(kind, firings, CancellationToken.None);
        return [.. firings.Select(firing => taken.SingleOrDefault(operation => operation.FireInstanceId == firing))];
    }

    private static async Task<IReadOnlyList<bool>> CompleteAsync(IServiceScopeFactory scopes, IReadOnlyList<FinishedExport> exports)
    {
        await using var scope = scopes.CreateAsyncScope();
        var completed = await scope.ServiceProvider.GetRequiredService<OperationLedger>().CompleteAsync(exports, CancellationToken.None);
        return [.. exports.Select(export => completed.Contains(export.Run.Id))];
    }
}

/// <summary>An export that is done but for its last piece.</summary>
/// <param name="Run">The operation.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="ChunkNo">The number of the last piece.</param>
/// <param name="Data">The last piece; empty where there is none.</param>
internal sealed record FinishedExport(Operation Run, OperationOutcome Outcome, int ChunkNo, byte[] Data);
