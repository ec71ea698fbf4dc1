using TaskTracker.Data.Caching;

namespace TaskTracker.Tests.Data;

public sealed class OwnerVersionReadsTests
{
    private readonly List<(IReadOnlyList<int> Owners, TaskCompletionSource<IReadOnlyList<string?>> Answer)> _asked = [];
    private readonly OwnerVersionReads _reads;

    public OwnerVersionReadsTests() => _reads = new(owners =>
    {
        var answer = new TaskCompletionSource<IReadOnlyList<string?>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked.Add((owners, answer));
        return answer.Task;
    });

    [Fact]
    public async Task Who_comes_while_an_answer_is_awaited_goes_with_the_next_question_and_never_gets_the_earlier_answer()
    {
        var first = _reads.ReadAsync(1);
        var again = _reads.ReadAsync(1);
        var other = _reads.ReadAsync(2);
        var busy = _reads.ReadAsync(3);
        Assert.Equal([1], Assert.Single(_asked).Owners);

        _asked[0].Answer.SetResult(["old"]);
        Assert.Equal("old", await first);
        await Eventually.TrueAsync("the next question is asked", () => Task.FromResult(_asked.Count == 2));
        Assert.Equal([1, 2, 3], _asked[1].Owners);
        Assert.False(again.IsCompleted);

        _asked[1].Answer.SetResult(["new", "two", null]);
        Assert.Equal("new", await again);
        Assert.Equal("two", await other);
        Assert.Null(await busy);
    }

    [Fact]
    public async Task A_question_that_fails_fails_who_asked_it_and_the_next_is_asked()
    {
        var first = _reads.ReadAsync(1);
        var second = _reads.ReadAsync(2);

        _asked[0].Answer.SetException(new InvalidOperationException("gone"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await Eventually.TrueAsync("the next question is asked", () => Task.FromResult(_asked.Count == 2));
        _asked[1].Answer.SetResult(["two"]);
        Assert.Equal("two", await second);
    }

    [Fact]
    public async Task A_question_without_an_answer_is_given_up()
    {
        await Assert.ThrowsAsync<TimeoutException>(() => _reads.ReadAsync(1));
        var next = _reads.ReadAsync(2);
        await Eventually.TrueAsync("the next question is asked", () => Task.FromResult(_asked.Count == 2));
        _asked[1].Answer.SetResult(["two"]);
        Assert.Equal("two", await next);
    }
}
