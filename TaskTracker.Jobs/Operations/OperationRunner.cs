using Quartz;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Operations;

/// <summary>
/// What the jobs of all operations have in common: one attempt from its beginning to the row that tells how it ended. A
/// process that dies here leaves the row as it is, and the next attempt goes on.
/// </summary>
internal sealed partial class OperationRunner(
    OperationLedger ledger,
    RunningOperations running,
    OperationTelemetry telemetry,
    SharedWrites writes,
    TakenRuns takenRuns,
    IServiceScopeFactory scopes,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<OperationRunner> logger)
{
    /// <summary>How long one attempt may take.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    // Then the thread is Quartz's again, which gives it to whatever has waited longest.
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(10);

    /// <summary>Attempts the operation that a firing is for, and then, one after the other, those of its kind that wait.</summary>
    public async Task RunAsync(IJobExecutionContext context, OperationFiring firing, IOperationWork work, CancellationToken cancellationToken)
    {
        if (await ledger.BeginAsync(firing.OperationId, context.FireInstanceId, cancellationToken) is { } operation)
        {
            var isLast = operation.Attempt >= operation.AttemptLimit || context.RetryAttempt >= (context.RetryPolicy?.MaxAttempts ?? 0);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            try
            {
                context.Result = await AttemptAsync(new(operation, work, context, isLast, stop));
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                // As an operator would do it, so that Quartz records the firing as cancelled.
                await context.Scheduler.InterruptFireInstance(context.FireInstanceId, CancellationToken.None);
                throw;
            }
        }
        else
        {
            context.Result = JobRunReport.Skipped("it had ended already");
        }

        await GoOnAsync(context, work, cancellationToken);
    }

    /// <summary>
    /// Goes on with what waits, which costs a fraction of what it costs Quartz to acquire, fire and complete each. The first
    /// that does not end well is the last: it gets a firing of its own, and this one ends.
    /// </summary>
    private async Task GoOnAsync(IJobExecutionContext context, IOperationWork work, CancellationToken cancellationToken)
    {
        var begun = clock.GetTimestamp();
        try
        {
            var number = 0;
            var goesOn = true;
            while (goesOn && !cancellationToken.IsCancellationRequested && clock.GetElapsedTime(begun) < s_turn
                && await writes.TakeAsync(work.Kind, context.FireInstanceId) is { } operation)
            {
                goesOn = await AttemptTakenAsync(context, operation, ++number, work, cancellationToken);
            }
        }
        catch (Exception exception)
        {
            // The operation that the firing was for has ended, and what waits has its trigger still.
            LogNotTaken(exception.Message);
        }
    }

    /// <returns>Whether it ended well.</returns>
    private async Task<bool> AttemptTakenAsync(
        IJobExecutionContext context, Operation operation, int number, IOperationWork work, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var attempt = new OperationAttempt(operation, work, context, IsLast: operation.Attempt >= operation.AttemptLimit, stop);
        await using var run = takenRuns.Begin(attempt, number);
        try
        {
            run.End(await AttemptAsync(attempt));
            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            run.EndCancelled();
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return true;
            }

            await WriteEndAsync(operation, rows => rows.ReleaseAsync(operation, CancellationToken.None));
            await OperationWatch.AskAgainAsync(context.Scheduler, operation, CancellationToken.None);
            return false;
        }
        catch (Exception exception)
        {
            run.EndFailed(exception, willRetry: !attempt.IsLast);
            if (!attempt.IsLast)
            {
                await OperationWatch.AskAgainAsync(context.Scheduler, operation, CancellationToken.None);
            }

            return false;
        }
    }

    private async Task<JobRunReport> AttemptAsync(OperationAttempt attempt)
    {
        using var registration = running.Add(attempt);
        telemetry.RecordStart(attempt.Operation, clock.GetUtcNow());
        LogBegun(attempt.Operation.Id, attempt.Operation.Kind, attempt.Operation.Attempt);
        try
        {
            return await WorkAsync(attempt, attempt.Stop.Token);
        }
        catch (TakenOverException exception)
        {
            return JobRunReport.Skipped(exception.Message);
        }
    }

    private async Task<JobRunReport> WorkAsync(OperationAttempt attempt, CancellationToken stop)
    {
        var operation = attempt.Operation;
        if (operation.CancelRequestedAt is not null)
        {
            await ledger.CancelAsync(operation, stop);
            return JobRunReport.Skipped("it was cancelled before it began");
        }

        if (operation.Attempt > operation.AttemptLimit)
        {
            await ledger.FailAsync(operation, $"Given up: it was begun {operation.AttemptLimit} times and never came to an end.", stop);
            return JobRunReport.Failed($"begun {operation.AttemptLimit} times without an end");
        }

        try
        {
            var outcome = await WorkInTimeAsync(attempt, stop);
            LogCompleted(operation.Id, outcome.Summary);
            return JobRunReport.Succeeded(outcome.Summary).With("tasks", outcome.Count);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // At shutdown the attempt is handed to another node; else somebody wants the work to end.
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                await ledger.CancelAsync(operation, CancellationToken.None);
            }

            throw;
        }
        catch (Exception exception) when (exception is not TakenOverException)
        {
            LogAttemptFailed(exception, operation.Id, operation.Attempt, attempt.IsLast);

            // What went wrong may say more than the owner should read; the history has it for operators.
            await WriteEndAsync(operation, rows => attempt.IsLast
                ? rows.FailAsync(
                    operation, $"Something went wrong on our side ({exception.GetType().Name}), {operation.Attempt} times: ask again later.", CancellationToken.None)
                : rows.ReleaseAsync(operation, CancellationToken.None));
            throw;
        }
    }

    private async Task<OperationOutcome> WorkInTimeAsync(OperationAttempt attempt, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
        try
        {
            return await attempt.Work.RunAsync(attempt.Operation, progress => attempt.Context.ReportProgress(progress, null), either.Token);
        }
        catch (OperationCanceledException exception) when (limit.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new TimeoutException($"The attempt took longer than {Limit}.", exception);
        }
    }

    /// <summary>Writes how an attempt ended that did not complete its operation, with a context that it cannot have broken.</summary>
    private async Task WriteEndAsync(Operation operation, Func<OperationLedger, Task> write)
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            await write(scope.ServiceProvider.GetRequiredService<OperationLedger>());
        }
        catch (TakenOverException)
        {
            // Then how it ends is not ours to say.
        }
        catch (Exception failure)
        {
            // The watch over lost operations brings another attempt, which writes what this one could not.
            LogNotWritten(operation.Id, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Operation {Operation} ({Kind}) begins, attempt {Attempt}")]
    private partial void LogBegun(Guid operation, OperationKind kind, int attempt);

    [LoggerMessage(Level = LogLevel.Information, Message = "Operation {Operation} is done: {Summary}")]
    private partial void LogCompleted(Guid operation, string summary);

    [LoggerMessage(Level = LogLevel.Error, Message = "Operation {Operation} failed in attempt {Attempt} (the last: {IsLast})")]
    private partial void LogAttemptFailed(Exception exception, Guid operation, int attempt, bool isLast);

    [LoggerMessage(Level = LogLevel.Warning, Message = "How the attempt at operation {Operation} ended could not be written: {Reason}")]
    private partial void LogNotWritten(Guid operation, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What else waits is left to other firings: {Reason}")]
    private partial void LogNotTaken(string reason);
}
