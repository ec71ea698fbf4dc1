namespace TaskTracker.Tests.Jobs;

/// <summary>A clock that stands still until a test sets it.</summary>
internal sealed class TestClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
