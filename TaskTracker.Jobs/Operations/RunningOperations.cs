using System.Collections.Concurrent;
using Quartz;

namespace TaskTracker.Jobs.Operations;

/// <summary>The operations that this process is at work on, so that a cancellation stops the right one at once.</summary>
internal sealed class RunningOperations
{
    private readonly ConcurrentDictionary<Guid, IJobExecutionContext> _runs = new();

    /// <summary>Keeps a run until the result is disposed.</summary>
    public IDisposable Add(Guid operation, IJobExecutionContext context)
    {
        _runs[operation] = context;
        return new Registration(this, KeyValuePair.Create(operation, context));
    }

    /// <summary>Stops the run of an operation, if it is here.</summary>
    public Task StopAsync(Guid operation, CancellationToken cancellationToken) =>
        _runs.TryGetValue(operation, out var context) ? StopAsync(context, cancellationToken) : Task.CompletedTask;

    /// <summary>Stops a run as an operator would; Quartz then records it as cancelled.</summary>
    public static async Task StopAsync(IJobExecutionContext context, CancellationToken cancellationToken) =>
        await context.Scheduler.InterruptFireInstance(context.FireInstanceId, cancellationToken);

    private sealed class Registration(RunningOperations owner, KeyValuePair<Guid, IJobExecutionContext> run) : IDisposable
    {
        public void Dispose() => owner._runs.TryRemove(run);
    }
}
