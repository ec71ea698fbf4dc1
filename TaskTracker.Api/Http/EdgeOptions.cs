using System.ComponentModel.DataAnnotations;
using System.Net;

namespace TaskTracker.Api.Http;

/// <summary>Who may call from where. Bound to the configuration section <c>Http</c>.</summary>
internal sealed class EdgeOptions : IValidatableObject
{
    public const string SectionName = "Http";

    /// <summary>Origins whose pages may call, separated by commas, such as <c>https://app.example.com</c>; none by default.</summary>
    public string Origins { get; set; } = "";

    /// <summary>
    /// Addresses or networks of proxies whose <c>X-Forwarded-For</c> and <c>-Proto</c> are believed, separated by commas; none by default.
    /// Where <c>ASPNETCORE_FORWARDEDHEADERS_ENABLED</c> says that a platform's proxy is the only way in, and none is named, that one is.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    public IReadOnlyList<string> ParseOrigins() => Split(Origins);

    public IReadOnlyList<IPNetwork> ParseTrustedProxies() => [.. Split(TrustedProxies).Select(text => Parse(text)!.Value)];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var text in Split(Origins).Where(text => !IsOrigin(text)))
        {
            yield return new ValidationResult(
                $"{SectionName}:{nameof(Origins)} holds '{text}': give origins such as 'https://app.example.com', separated by commas.", [nameof(Origins)]);
        }

        foreach (var text in Split(TrustedProxies).Where(text => Parse(text) is null))
        {
            yield return new ValidationResult(
                $"{SectionName}:{nameof(TrustedProxies)} holds '{text}': give addresses or networks such as '10.0.0.0/8', separated by commas.",
                [nameof(TrustedProxies)]);
        }
    }

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == text;

    private static IPNetwork? Parse(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;
}
