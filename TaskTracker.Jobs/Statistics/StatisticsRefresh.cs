using TaskTracker.Data.Statistics;

namespace TaskTracker.Jobs.Statistics;

/// <summary>
/// Counts the tasks of all owners whose stored statistics no longer hold, before they ask. The cache is left alone: what
/// it holds goes with the owner's version and ends at the next deadline, so counting again never changes an answer.
/// </summary>
internal sealed class StatisticsRefresh(StatisticsCounter counter)
{
    /// <summary>The most owners of one transaction, which whoever asks for theirs meanwhile waits for.</summary>
    public const int BatchSize = 200;

    /// <summary>Counts each such owner once, however fast their tasks change.</summary>
    /// <returns>How many owners were counted.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var counted = 0;
        var last = 0;
        while (true)
        {
            var owners = await counter.FindOutOfDateAsync(last, BatchSize, cancellationToken);
            if (owners.Count > 0)
            {
                await counter.CountAsync(owners, cancellationToken);
                counted += owners.Count;
                last = owners[^1];
            }

            if (owners.Count < BatchSize)
            {
                return counted;
            }
        }
    }
}
