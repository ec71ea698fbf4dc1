using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Quartz;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Data.Operations;

/// <summary>Asks for work by a job, as part of the caller's transaction.</summary>
public interface IJobQueue
{
    /// <summary>
    /// Stores the operation and the firing of its job, and announces them, in the transaction that the scope's context is
    /// in: all of it happens with the commit, and nothing of it without.
    /// </summary>
    /// <param name="owner">Who asks.</param>
    /// <param name="input">What for; its type decides on the job.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <typeparam name="TInput">The input's type.</typeparam>
    /// <returns>The operation.</returns>
    /// <exception cref="InvalidOperationException">The context is in no transaction.</exception>
    Task<Operation> EnqueueAsync<TInput>(int owner, TInput input, CancellationToken cancellationToken) where TInput : IOperationInput;
}

/// <summary>Enqueues through Quartz's cluster, of which this process need not be a running part.</summary>
/// <param name="db">The context, in a transaction.</param>
/// <param name="changes">Stores the firings.</param>
/// <param name="clock">The clock.</param>
/// <param name="logger">Told of each operation, so that the logs of both services can be joined by its id.</param>
public sealed partial class JobQueue(TaskTrackerDbContext db, SchedulerChanges changes, TimeProvider clock, ILogger<JobQueue> logger) : IJobQueue
{
    /// <inheritdoc />
    public async Task<Operation> EnqueueAsync<TInput>(int owner, TInput input, CancellationToken cancellationToken)
        where TInput : IOperationInput
    {
        if (db.Database.CurrentTransaction is null)
        {
            throw new InvalidOperationException("Work is enqueued as part of a transaction: begin one first.");
        }

        var now = clock.GetUtcNow();
        var operation = new Operation
        {
            Id = Guid.CreateVersion7(now),
            OwnerId = owner,
            Kind = TInput.Kind,
            Input = JsonSerializer.Serialize(input, OperationJson.Options),
            TraceParent = Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null,
            CreatedAt = now,
            SeenAt = now,
        };
        db.Operations.Add(operation);
        await db.SaveChangesAsync(cancellationToken);

        await changes.MakeAsync(
            async scheduler => await scheduler.ScheduleJob(OperationTriggers.Create(operation.Id, operation.Kind), cancellationToken: cancellationToken),
            cancellationToken);
        LogEnqueued(operation.Id, operation.Kind);

        return operation;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Operation {Operation} ({Kind}) is asked for")]
    private partial void LogEnqueued(Guid operation, OperationKind kind);
}

/// <summary>The firings of operations' jobs.</summary>
public static class OperationTriggers
{
    /// <summary>The execution group of all operations, whose share of a node's threads is limited.</summary>
    public const string ExecutionGroup = "operations";

    /// <summary>
    /// What a firing is described as that takes the place of one that was lost or has failed: such an operation runs by itself,
    /// with retries, and not among others.
    /// </summary>
    public const string Again = "asked for again";

    private const string NamePrefix = "operation-";

    /// <summary>The trigger of an operation, whoever stores it: once, or again where it was lost.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="kind">Its kind, which decides on the job.</param>
    /// <returns>The key, <c>operation-</c> and the 32 digits of the id.</returns>
    public static TriggerKey KeyOf(Guid operation, OperationKind kind) => new($"{NamePrefix}{operation:N}", JobKeys.TriggerGroupOf(JobKeys.Of(kind)));

    /// <summary>The operation that a firing is for.</summary>
    /// <param name="trigger">The key of the firing's trigger.</param>
    /// <returns>The operation; null where the trigger is not named after one, as those that Quartz makes after a node has died are not.</returns>
    public static Guid? OperationOf(TriggerKey trigger) =>
        trigger.Name.StartsWith(NamePrefix, StringComparison.Ordinal) && Guid.TryParseExact(trigger.Name.AsSpan(NamePrefix.Length), "N", out var operation)
            ? operation
            : null;

    /// <summary>A firing as soon as possible.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="kind">Its kind, which decides on the job.</param>
    /// <param name="description">Nothing where somebody asks for the work, else <see cref="Again"/>.</param>
    /// <returns>The trigger to store.</returns>
    public static ITrigger Create(Guid operation, OperationKind kind, string? description = null) =>
        TriggerBuilder.Create<IJob<OperationFiring>>()
            .WithIdentity(KeyOf(operation, kind))
            .WithDescription(description)
            .ForJob(JobKeys.Of(kind))
            .UsingInput(new OperationFiring(operation))
            .WithExecutionGroup(ExecutionGroup)
            .StartNow()
            .Build();
}
