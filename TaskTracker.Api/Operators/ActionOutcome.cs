namespace TaskTracker.Api.Operators;

/// <summary>What came of an action.</summary>
/// <param name="IsKnown">False where there is nothing of that name.</param>
/// <param name="Message">What was done.</param>
/// <param name="Refusal">Why nothing was done.</param>
internal sealed record ActionOutcome(bool IsKnown, string Message, string? Refusal)
{
    public static readonly ActionOutcome Unknown = new(false, "", null);

    public static ActionOutcome Done(string message) => new(true, message, null);

    public static ActionOutcome Refused(string refusal) => new(true, "", refusal);
}
