using System.ComponentModel.DataAnnotations;
using System.Text;

namespace TaskTracker.Api.Json;

/// <summary>
/// Text that the database can keep: so many characters (Unicode code points, as PostgreSQL counts), no U+0000, no half
/// of a surrogate pair. A least length above zero also asks for something else than white space, and for a value at all.
/// </summary>
/// <param name="maximumLength">The most characters.</param>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class TextAttribute(int maximumLength) : StringLengthAttribute(maximumLength)
{
    public override bool RequiresValidationContext => false;

    public override bool IsValid(object? value) => Problem(value as string) is null;

    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        Problem(value as string) is { } problem
            ? new ValidationResult(problem, validationContext.MemberName is { } member ? [member] : null)
            : ValidationResult.Success;

    private string? Problem(string? text)
    {
        if (string.IsNullOrWhiteSpace(text) && MinimumLength > 0)
        {
            return "Must be given, and not be blank.";
        }

        var length = 0;
        foreach (var rune in (text ?? "").EnumerateRunes())
        {
            length++;
            if (rune.Value == 0)
            {
                return "Must not contain the character U+0000.";
            }

            if (rune == Rune.ReplacementChar && !IsWellFormed(text!))
            {
                return "Must be well-formed Unicode: it contains half of a surrogate pair.";
            }
        }

        return length < MinimumLength || length > MaximumLength
            ? $"Must have {MinimumLength} to {MaximumLength} characters, not {length}."
            : null;
    }

    private static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var consumed) != System.Buffers.OperationStatus.Done)
            {
                return false;
            }

            rest = rest[consumed..];
        }

        return true;
    }
}
