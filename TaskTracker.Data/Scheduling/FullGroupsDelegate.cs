using Quartz;
using Quartz.Impl.AdoJobStore;

namespace TaskTracker.Data.Scheduling;

/// <summary>
/// Quartz's statements for PostgreSQL, except that a look for what is due does not read past what a node may not run. Quartz by itself
/// reads every firing of an execution group that is at its limit to see what is due behind it, on each look and in growing steps,
/// however many wait.
/// </summary>
public sealed class FullGroupsDelegate : PostgreSQLDelegate
{
    /// <inheritdoc />
    public override ValueTask<List<TriggerAcquireResult>> SelectTriggersToAcquire(
        ConnectionAndTransactionHolder conn, TriggerAcquisitionCriteria criteria, CancellationToken cancellationToken = default)
    {
        var full = new List<ExecutionGroupScope>();
        var most = criteria.MaxCount;
        foreach (var limit in criteria.ExecutionLimits?.Groups ?? [])
        {
            if (limit is { Group: { Name: not null, IsPrefix: false }, MaxConcurrent: { } left })
            {
                if (left == 0)
                {
                    full.Add(limit.Group);
                }
                else
                {
                    // No group is full before so many are found. What else is due the next look finds, which follows at once.
                    most = Math.Min(most, left);
                }
            }
        }

        return base.SelectTriggersToAcquire(
            conn, criteria with { MaxCount = most, RefusedExecutionGroups = full is [] ? criteria.RefusedExecutionGroups : full }, cancellationToken);
    }
}
