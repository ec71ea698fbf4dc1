using System.Collections.Concurrent;
using TaskTracker.Jobs.Operations;

namespace TaskTracker.Tests.Operations;

public sealed class TogetherTests
{
    [Fact]
    public async Task What_comes_while_something_is_under_way_is_done_at_once_and_each_has_its_own_result()
    {
        var batches = new ConcurrentQueue<int>();
        var first = new TaskCompletionSource();
        var together = new Together<int, int>(
            async requests =>
            {
                batches.Enqueue(requests.Count);
                await first.Task;
                return [.. requests.Select(request => request * 10)];
            },
            most: 3);

        var alone = together.RunAsync(0);
        await Eventually.TrueAsync("the first is under way", () => Task.FromResult(batches.Count == 1));
        var others = Enumerable.Range(1, 5).Select(together.RunAsync).ToList();
        first.SetResult();

        Assert.Equal(0, await alone);
        var results = await Task.WhenAll(others);
        Assert.Equal([10, 20, 30, 40, 50], results);
        Assert.Equal([1, 3, 2], batches);
    }

    [Fact]
    public async Task One_that_cannot_be_done_fails_alone()
    {
        var first = new TaskCompletionSource();
        var together = new Together<int, int>(
            async requests =>
            {
                await first.Task;
                return requests.Contains(2) ? throw new InvalidOperationException("not this one") : [.. requests];
            },
            most: 10);

        var tasks = Enumerable.Range(0, 5).Select(together.RunAsync).ToList();
        first.SetResult();

        await Assert.ThrowsAsync<InvalidOperationException>(() => tasks[2]);
        tasks.RemoveAt(2);
        var results = await Task.WhenAll(tasks);
        Assert.Equal([0, 1, 3, 4], results);
    }
}
