namespace TaskTracker.Tests;

/// <summary>Waits for what other processes bring about, with a limit that names what was missing.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks again until the condition is true.</summary>
    public static Task TrueAsync(string what, Func<Task<bool>> condition) =>
        GetAsync(what, s_limit, async _ => await condition() ? "true" : null);

    /// <summary>Asks again until the answer is there.</summary>
    public static async Task<T> GetAsync<T>(string what, TimeSpan within, Func<CancellationToken, Task<T?>> ask)
        where T : class
    {
        using var limit = new CancellationTokenSource(within);
        using var pause = new PeriodicTimer(s_pause);
        try
        {
            do
            {
                if (await ask(limit.Token) is { } answer)
                {
                    return answer;
                }
            }
            while (await pause.WaitForNextTickAsync(limit.Token));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            // Told below, with what was missing.
        }

        throw new TimeoutException($"It did not come true within {within.TotalSeconds:0} s: {what}.");
    }
}
