using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Api.Operators;

/// <summary>Tells which operation a run is an attempt at.</summary>
internal static class OperationFirings
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNameCaseInsensitive = true };

    /// <summary>The operations that firings are at work on now: not always those they were stored for, as a firing goes on with others.</summary>
    public static async Task<IReadOnlyDictionary<string, Guid>> FindCurrentAsync(
        TaskTrackerDbContext db, string[] fireInstances, CancellationToken cancellationToken) =>
        (await db.Operations
            .Where(operation => operation.Status == OperationStatus.Running && fireInstances.Contains(operation.FireInstanceId!))
            .Select(operation => new { operation.Id, operation.FireInstanceId, operation.SeenAt })
            .ToListAsync(cancellationToken))
        // It is at one at a time: another was given up without a word.
        .GroupBy(operation => operation.FireInstanceId!)
        .ToDictionary(firing => firing.Key, firing => firing.MaxBy(operation => operation.SeenAt)!.Id);

    /// <summary>The operations of triggers: by their names, and where Quartz made them after a node had died, by their input.</summary>
    public static async Task<IReadOnlyDictionary<TriggerKey, Guid>> FindOperationsAsync(
        IScheduler scheduler, IReadOnlyCollection<TriggerKey> triggers, CancellationToken cancellationToken)
    {
        var found = new Dictionary<TriggerKey, Guid>();
        var recovered = new List<TriggerKey>();
        foreach (var trigger in triggers)
        {
            if (OperationTriggers.OperationOf(trigger) is { } operation)
            {
                found[trigger] = operation;
            }
            else if (trigger.Group == SchedulerConstants.DefaultRecoveryGroup)
            {
                recovered.Add(trigger);
            }
        }

        if (recovered.Count > 0)
        {
            foreach (var trigger in await scheduler.GetTriggers(recovered, cancellationToken))
            {
                if (trigger.JobDataMap.TryGetValue(SchedulerConstants.JobInput, out var input) && Read(input as string) is { } operation)
                {
                    found[trigger.Key] = operation;
                }
            }
        }

        return found;
    }

    /// <summary>Reads a job's input as it is stored; null where it is of another job.</summary>
    public static Guid? Read(string? input)
    {
        try
        {
            return input is not null && JsonSerializer.Deserialize<OperationFiring>(input, s_json) is { OperationId: var operation } && operation != default
                ? operation
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
