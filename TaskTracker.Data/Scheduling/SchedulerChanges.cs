using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Quartz;

namespace TaskTracker.Data.Scheduling;

/// <summary>Changes what the cluster is to run, as part of the caller's transaction, and wakes it with the commit.</summary>
/// <param name="db">The context, in a transaction.</param>
/// <param name="schedulers">Where the cluster's scheduler comes from.</param>
public sealed class SchedulerChanges(TaskTrackerDbContext db, ISchedulerFactory schedulers)
{
    /// <summary>Makes a change in the transaction that the scope's context is in.</summary>
    /// <param name="change">The change.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the change is stored.</returns>
    /// <exception cref="InvalidOperationException">The context is in no transaction.</exception>
    public async Task MakeAsync(Func<IScheduler, Task> change, CancellationToken cancellationToken)
    {
        var transaction = db.Database.CurrentTransaction
            ?? throw new InvalidOperationException("What the cluster is to run is changed as part of a transaction: begin one first.");

        var scheduler = await schedulers.GetScheduler(cancellationToken);
        using (scheduler.EnlistTransaction(transaction.GetDbTransaction()))
        {
            await change(scheduler);
        }

        await db.Database.ExecuteSqlAsync($"select pg_notify({WakeUp.SchedulingChannel}, '')", cancellationToken);
    }
}
