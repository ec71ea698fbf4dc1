namespace TaskTracker.Data.Caching;

/// <summary>
/// Which version of an owner's data the cache may answer with. Cached answers are found under the owner's version, and a
/// write gives the owner a new one before it commits, so old answers need not be deleted: nobody can find them. From
/// then until the commit is certain a mark stands, during which nobody reads or fills that owner's cache, for nobody can
/// say yet which answer is right. The mark outlives every transaction, so a writer may die at any point.
/// </summary>
/// <param name="circuit">Whether Redis is in use.</param>
public sealed class OwnerVersions(CacheCircuit circuit)
{
    /// <summary>How long a mark stands that nobody takes away; longer than <see cref="OwnerTransaction.Limit"/>.</summary>
    public static readonly TimeSpan MarkLife = TimeSpan.FromSeconds(60);

    // A script holds the server up while it runs.
    private const int OwnersPerScript = 500;

    /// <summary>The part of a cache key that changes with everything the owner's answers depend on.</summary>
    /// <param name="owner">The owner's number.</param>
    /// <returns>The version, or null where the cache must be left alone for now.</returns>
    public ValueTask<string?> ReadAsync(int owner) => circuit.TryAsync(scripts => scripts.ReadAsync(owner), null);

    /// <summary>
    /// Announces a write. Called when its transaction is being opened, and awaited before its commit. Without
    /// Redis it does nothing but see to it that the circuit is open, which will not close without a new epoch.
    /// </summary>
    /// <param name="owners">Whose data is written.</param>
    /// <returns>The mark to end.</returns>
    public async ValueTask<string> BeginAsync(IReadOnlyCollection<int> owners)
    {
        var mark = OwnerVersionScripts.NewVersion();
        foreach (var some in owners.Chunk(OwnersPerScript))
        {
            await circuit.TryAnnounceAsync(scripts => scripts.BeginAsync(some, mark));
        }

        return mark;
    }

    /// <summary>Ends a write that has certainly committed or certainly been rolled back; a doubtful one keeps its mark.</summary>
    /// <param name="owners">The same owners.</param>
    /// <param name="mark">What <see cref="BeginAsync"/> returned.</param>
    /// <returns>A task that ends when readers may use the owners' cache again.</returns>
    public async ValueTask EndAsync(IReadOnlyCollection<int> owners, string mark)
    {
        foreach (var some in owners.Chunk(OwnersPerScript))
        {
            if (!await circuit.TryAnnounceAsync(scripts => scripts.EndAsync(some, mark)))
            {
                return;
            }
        }
    }

    /// <summary>Makes everything that is cached so far unfindable, for every replica.</summary>
    /// <returns>False where Redis is not in use here: then it is done before it is used again.</returns>
    public ValueTask<bool> ClearAsync() => circuit.TryAsync(scripts => scripts.RaiseEpochAsync(), false);
}
