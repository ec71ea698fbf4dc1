using System.ComponentModel.DataAnnotations;

namespace TaskTracker.Jobs.Exports;

/// <summary>How exports are kept. Bound to the configuration section <c>Exports</c>.</summary>
internal sealed class ExportOptions : IValidatableObject
{
    public const string SectionName = "Exports";

    /// <summary>How long a file may be downloaded.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromDays(7);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Lifetime > TimeSpan.Zero && Lifetime <= TimeSpan.FromDays(365)
            ? []
            : [new ValidationResult($"{SectionName}:{nameof(Lifetime)} is '{Lifetime}': give a duration above zero, 365 days at most, such as '7.00:00:00'.", [nameof(Lifetime)])];
}
