using System.ComponentModel.DataAnnotations;
using System.Net;

namespace TaskTracker.Data.Deliveries;

/// <summary>Where webhooks may go. Bound to the configuration section <c>Webhooks</c>.</summary>
public sealed class WebhookOptions : IValidatableObject
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "Webhooks";

    /// <summary>
    /// Networks that are not public and may be called all the same, separated by commas, for example
    /// <c>10.20.0.0/16,fd00:20::/64</c>; plain http is good enough there.
    /// </summary>
    public string AllowedNetworks { get; set; } = "";

    /// <summary>The networks, parsed.</summary>
    /// <exception cref="FormatException">One of them is not a network.</exception>
    public IReadOnlyList<IPNetwork> ParseAllowedNetworks() =>
        [.. AllowedNetworks.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(text => IPNetwork.Parse(text))];

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        ValidationResult? problem = null;
        try
        {
            ParseAllowedNetworks();
        }
        catch (FormatException)
        {
            problem = new ValidationResult(
                $"{SectionName}:{nameof(AllowedNetworks)} is '{AllowedNetworks}': use networks such as '10.20.0.0/16' or 'fd00:20::/64', whose address ends in zeros, separated by commas.",
                [nameof(AllowedNetworks)]);
        }

        return problem is null ? [] : [problem];
    }
}
