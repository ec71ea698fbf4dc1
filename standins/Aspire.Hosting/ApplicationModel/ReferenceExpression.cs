using System.Runtime.CompilerServices;
using System.Text;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>
/// Text with holes for values that are known later, written as an interpolated string. Run mode evaluates it, publish mode
/// writes it as an expression.
/// </summary>
public class ReferenceExpression : IExpressionValue, IValueWithReferences
{
    public static readonly ReferenceExpression Empty = new([]);

    internal ReferenceExpression(IReadOnlyList<Segment> segments)
    {
        Segments = segments;
        ValueProviders = [.. segments.Select(segment => segment.Value).OfType<IValueProvider>()];
    }

    public string ValueExpression => string.Concat(Segments.Select(segment => segment.Text ?? segment.Expression!.ValueExpression));
    public IReadOnlyList<IValueProvider> ValueProviders { get; }

    IEnumerable<object> IValueWithReferences.References => ValueProviders;

    internal IReadOnlyList<Segment> Segments { get; }

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => handler.ToExpression();

    /// <summary>Null for an empty expression; a hole without a value is empty text.</summary>
    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken)
    {
        if (Segments.Count == 0)
        {
            return null;
        }

        var text = new StringBuilder();
        foreach (var segment in Segments)
        {
            text.Append(segment.Text ?? Formatted(await segment.Value!.GetValueAsync(cancellationToken), segment.Format));
        }

        return text.ToString();
    }

    /// <summary>'uri' escapes a value for use in a URI; the manifest carries the same filter.</summary>
    internal static string? Formatted(string? value, string? format) => format switch
    {
        null => value,
        "uri" => value is null ? null : Uri.EscapeDataString(value),
        _ => throw new NotSupportedException($"The format '{format}' is not supported in a reference expression; use 'uri' or none."),
    };

    /// <summary>Either plain text, or a value with its expression and format.</summary>
    internal readonly record struct Segment(string? Text, IValueProvider? Value = null, IManifestExpressionProvider? Expression = null, string? Format = null);

    /// <summary>Receives the parts of the interpolated string from the compiler.</summary>
    [InterpolatedStringHandler]
    public ref struct ExpressionInterpolatedStringHandler(int literalLength, int formattedCount)
    {
        private readonly List<Segment> _segments = new(literalLength > 0 ? (2 * formattedCount) + 1 : formattedCount);

        public readonly void AppendLiteral(string value) => AppendFormatted(value);

        public readonly void AppendFormatted(string? value) => AppendFormatted(value, null);

        public readonly void AppendFormatted(string? value, string? format = null) => _segments.Append(value, format);

        public void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider =>
            AppendFormatted(valueProvider, null);

        public void AppendFormatted<T>(T valueProvider, string? format = null) where T : IValueProvider, IManifestExpressionProvider =>
            _segments.Append(valueProvider, valueProvider, format);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider) where T : IResource, IValueProvider, IManifestExpressionProvider =>
            AppendFormatted(valueProvider, null);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format = null) where T : IResource, IValueProvider, IManifestExpressionProvider =>
            _segments.Append(valueProvider.Resource, valueProvider.Resource, format);

        internal readonly ReferenceExpression ToExpression() => new([.. _segments]);
    }
}

internal static class ReferenceExpressionSegments
{
    internal static void Append(this List<ReferenceExpression.Segment> segments, string? text, string? format = null)
    {
        if (!string.IsNullOrEmpty(text))
        {
            segments.Add(new(ReferenceExpression.Formatted(text, format)));
        }
    }

    internal static void Append(this List<ReferenceExpression.Segment> segments, IValueProvider value, IManifestExpressionProvider expression, string? format) =>
        segments.Add(new(null, value, expression, format));
}
