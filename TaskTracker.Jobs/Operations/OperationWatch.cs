using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Scheduling;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// Notices operations that nobody looks after any more, because their firing was deleted or ended without a word, and
/// stores the firing again. Two replicas that do so at once store one, and a firing too many only takes over.
/// </summary>
internal sealed partial class OperationWatch(
    IServiceScopeFactory scopes,
    ISchedulerFactory schedulers,
    OperationTelemetry telemetry,
    TimeProvider clock,
    ILogger<OperationWatch> logger) : Watch("lost operations", s_interval, clock, logger)
{
    /// <summary>
    /// How long an operation must have been silent: twenty times as long as an attempt is between two signs of life. Quartz
    /// notices a node that died sooner, but knows nothing of what the node has gone on with.
    /// </summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    private const int BatchSize = 100;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _clock = clock;

    public override async Task LookAsync(CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var open = await db.Operations
            .Where(operation => operation.Status == OperationStatus.Pending || operation.Status == OperationStatus.Running)
            .GroupBy(operation => new { operation.Kind, operation.Status })
            .Select(group => new OpenOperations(group.Key.Kind, group.Key.Status, group.LongCount()))
            .ToListAsync(cancellationToken);
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var nodes = await scheduler.QueryClusterNodes(cancellationToken);
        telemetry.RecordCluster(open, nodes.Count(node => node.State == ClusterNodeState.Alive));

        var lost = await scope.ServiceProvider.GetRequiredService<OperationLedger>()
            .FindLostAsync(_clock.GetUtcNow() - Silence, BatchSize, cancellationToken);
        foreach (var operation in lost)
        {
            LogLost(logger, operation.Id, operation.Kind);
            await AskAgainAsync(scheduler, operation, cancellationToken);
        }
    }

    /// <summary>Stores a firing for an operation that has none, as its request did.</summary>
    public static async Task AskAgainAsync(IScheduler scheduler, Operation operation, CancellationToken cancellationToken)
    {
        // Quartz links the run to what is current now: the request, as the firing that was lost would have.
        using var request = operation.TraceParent is { } parent ? new Activity("ask again").SetParentId(parent).Start() : null;
        await scheduler.ScheduleTrigger(
            OperationTriggers.Create(operation.Id, operation.Kind, OperationTriggers.Again), TriggerConflict.Keep, cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Nobody looks after operation {Operation} ({Kind}): its job is asked for again.")]
    private static partial void LogLost(ILogger logger, Guid operation, OperationKind kind);
}
