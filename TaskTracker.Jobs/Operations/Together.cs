namespace TaskTracker.Jobs.Operations;

/// <summary>
/// Does together what is asked for at the same time: what comes while something is under way waits for its end, and all of it is
/// done at once then. Where nothing is under way nobody waits.
/// </summary>
/// <param name="run">Does the work of some requests, and gives back the result of each.</param>
/// <param name="most">How many go together.</param>
internal sealed class Together<TRequest, TResult>(Func<IReadOnlyList<TRequest>, Task<IReadOnlyList<TResult>>> run, int most)
{
    private readonly Lock _lock = new();
    private readonly Queue<(TRequest Request, TaskCompletionSource<TResult> Result)> _waiting = new();
    private bool _isRunning;

    public Task<TResult> RunAsync(TRequest request)
    {
        var result = new TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Enqueue((request, result));
            if (_isRunning)
            {
                return result.Task;
            }

            _isRunning = true;
        }

        // Of nobody's trace: it works for all of them.
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(RunWaitingAsync);
        }

        return result.Task;
    }

    private async Task RunWaitingAsync()
    {
        while (true)
        {
            var batch = new List<(TRequest Request, TaskCompletionSource<TResult> Result)>(most);
            lock (_lock)
            {
                while (batch.Count < most && _waiting.TryDequeue(out var next))
                {
                    batch.Add(next);
                }

                if (batch.Count == 0)
                {
                    _isRunning = false;
                    return;
                }
            }

            if (!await TryRunAsync(batch))
            {
                // Whichever of them it was, it must not fail the others; where the server is away, all wait for it at once.
                await Task.WhenAll(batch.Select(one => TryRunAsync([one])));
            }
        }
    }

    /// <returns>Whether each of them has its result, or the only one its error.</returns>
    private async Task<bool> TryRunAsync(List<(TRequest Request, TaskCompletionSource<TResult> Result)> batch)
    {
        try
        {
            var results = await run([.. batch.Select(one => one.Request)]);
            foreach (var (one, result) in batch.Zip(results))
            {
                one.Result.SetResult(result);
            }

            return true;
        }
        catch (Exception exception)
        {
            if (batch is [var only])
            {
                only.Result.SetException(exception);
                return true;
            }

            return false;
        }
    }
}
