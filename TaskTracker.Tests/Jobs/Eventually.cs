namespace TaskTracker.Tests.Jobs;

/// <summary>Waits for a condition, with a limit.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(40);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (!await condition())
        {
            Assert.False(limit.IsCancellationRequested, $"After {s_limit.TotalSeconds:0} s not yet: {what}.");
            await Task.Delay(50);
        }
    }
}
