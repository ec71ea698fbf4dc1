using System.Text;
using TaskTracker.Tests.Contract;

namespace TaskTracker.Tests.Malformed;

/// <summary>A request that cannot be right, and how it must be refused.</summary>
/// <param name="What">What is wrong with it.</param>
/// <param name="Operation">The route it is for; null for none.</param>
/// <param name="Method">The method.</param>
/// <param name="Target">Path and query, as they go over the wire.</param>
internal sealed record MalformedRequest(string What, ApiOperation? Operation, string Method, string Target)
{
    /// <summary>The status it must get; null for any refusal.</summary>
    public int? Status { get; init; }

    /// <summary>The field that the refusal must name.</summary>
    public string? Field { get; init; }

    public string? Token { get; init; }

    public byte[]? Body { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    public HttpRequestMessage ToMessage(Uri address)
    {
        // As it is written here: nobody shall mend it on the way.
        var message = new HttpRequestMessage(
            new HttpMethod(Method), new Uri($"{address.GetLeftPart(UriPartial.Authority)}{Target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (Token is not null)
        {
            message.Headers.TryAddWithoutValidation("Authorization", Token);
        }

        foreach (var (name, value) in Headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        if (Body is not null)
        {
            message.Content = new ByteArrayContent(Body);
            if (ContentType is not null)
            {
                message.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
            }

            if (ContentEncoding is not null)
            {
                message.Content.Headers.ContentEncoding.Add(ContentEncoding);
            }
        }

        return message;
    }

    public override string ToString() =>
        $"{What}: {Method} {(Target.Length > 200 ? $"{Target[..200]}… ({Target.Length})" : Target)}"
        + (Body is null ? "" : $" [{ContentType}] {(Body.Length > 300 ? $"{Body.Length} bytes" : Encoding.UTF8.GetString(Body))}")
        + string.Concat(Headers.Select(header => $" {header.Name}: {(header.Value.Length > 60 ? $"{header.Value.Length} characters" : header.Value)}"));
}
