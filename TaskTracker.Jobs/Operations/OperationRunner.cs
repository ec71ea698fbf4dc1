using System.Diagnostics;
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
    IServiceScopeFactory scopes,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<OperationRunner> logger)
{
    /// <summary>How long one attempt may take.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    // How late a cancellation is seen whose notification was lost.
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    public async Task RunAsync(IJobExecutionContext context, OperationFiring firing, IOperationWork work, CancellationToken cancellationToken)
    {
        if (await ledger.BeginAsync(firing.OperationId, cancellationToken) is not { } run)
        {
            context.Result = JobRunReport.Skipped("it had ended already");
            return;
        }

        telemetry.RecordStart(run, clock.GetUtcNow());
        LogBegun(run.Id, run.Kind, run.Attempt);
        try
        {
            await AttemptAsync(context, run, work, cancellationToken);
        }
        catch (TakenOverException exception)
        {
            context.Result = JobRunReport.Skipped(exception.Message);
        }
    }

    private async Task AttemptAsync(IJobExecutionContext context, Operation run, IOperationWork work, CancellationToken cancellationToken)
    {
        if (run.CancelRequestedAt is not null)
        {
            await ledger.CancelAsync(run, cancellationToken);
            context.Result = JobRunReport.Skipped("it was cancelled before it began");
            return;
        }

        if (run.Attempt > run.AttemptLimit)
        {
            await ledger.FailAsync(run, $"Given up: it was begun {run.AttemptLimit} times and never came to an end.", cancellationToken);
            context.Result = JobRunReport.Failed($"begun {run.AttemptLimit} times without an end");
            return;
        }

        try
        {
            var outcome = await WorkAsync(context, run, work, cancellationToken);
            context.Result = JobRunReport.Succeeded(outcome.Summary).With("tasks", outcome.Count);
            LogCompleted(run.Id, outcome.Summary);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // At shutdown Quartz hands the firing to another node; else somebody wants the work to end.
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                await ledger.CancelAsync(run, CancellationToken.None);
            }

            throw;
        }
        catch (Exception exception) when (exception is not TakenOverException)
        {
            await EndFailedAttemptAsync(context, run, exception);
            throw;
        }
    }

    private async Task<OperationOutcome> WorkAsync(
        IJobExecutionContext context, Operation run, IOperationWork work, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        using var ended = new CancellationTokenSource();
        using var registration = running.Add(run.Id, context);
        var watch = WatchAsync(context, run, ended.Token);
        try
        {
            return await work.RunAsync(run, progress => context.ReportProgress(progress, null), stop.Token);
        }
        catch (OperationCanceledException exception) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"The attempt took longer than {Limit}.", exception);
        }
        finally
        {
            await ended.CancelAsync();
            await watch;
        }
    }

    /// <summary>Keeps the row fresh while the work goes on, and stops the work where it should not.</summary>
    private async Task WatchAsync(IJobExecutionContext context, Operation run, CancellationToken ended)
    {
        // Looks are no part of the run's trace: two a second would bury what it does.
        Activity.Current = null;

        using var timer = new PeriodicTimer(s_look, clock);
        while (!ended.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(ended);

                // The context of the work itself is busy.
                await using var scope = scopes.CreateAsyncScope();
                if (!await scope.ServiceProvider.GetRequiredService<OperationLedger>().MayGoOnAsync(run, ended))
                {
                    await RunningOperations.StopAsync(context, ended);
                    return;
                }
            }
            catch (Exception exception) when (!ended.IsCancellationRequested)
            {
                LogLookFailed(run.Id, exception.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task EndFailedAttemptAsync(IJobExecutionContext context, Operation run, Exception exception)
    {
        var isLast = run.Attempt >= run.AttemptLimit || context.RetryAttempt >= (context.RetryPolicy?.MaxAttempts ?? 0);
        LogAttemptFailed(exception, run.Id, run.Attempt, isLast);
        try
        {
            // What went wrong may say more than the owner should read; the history has it for operators.
            await using var scope = scopes.CreateAsyncScope();
            var rows = scope.ServiceProvider.GetRequiredService<OperationLedger>();
            await (isLast
                ? rows.FailAsync(run, $"Something went wrong on our side ({exception.GetType().Name}), {run.Attempt} times: ask again later.", CancellationToken.None)
                : rows.ReleaseAsync(run, CancellationToken.None));
        }
        catch (TakenOverException)
        {
            // Then how it ends is not ours to say.
        }
        catch (Exception failure)
        {
            // The watch over lost operations brings another attempt, which writes what this one could not.
            LogNotWritten(run.Id, failure.Message);
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Whether operation {Operation} may go on could not be read: {Reason}")]
    private partial void LogLookFailed(Guid operation, string reason);
}
