namespace TaskTracker.Data;

/// <summary>A row whose number is larger than those of all rows before it, so that lists can be paged by it.</summary>
public interface INumbered
{
    /// <summary>The row's number.</summary>
    long Id { get; }
}
