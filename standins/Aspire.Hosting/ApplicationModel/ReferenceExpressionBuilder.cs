using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Puts a <see cref="ReferenceExpression"/> together step by step.</summary>
public class ReferenceExpressionBuilder
{
    private readonly List<ReferenceExpression.Segment> _segments = [];

    public bool IsEmpty => _segments.Count == 0;

    [SuppressMessage("Performance", "CA1822", Justification = "The handler needs this instance.")]
    public void Append([InterpolatedStringHandlerArgument("")] in ReferenceExpressionBuilderInterpolatedStringHandler handler)
    {
        // The handler has written into this builder by the time the call is made.
    }

    public void AppendLiteral(string value) => AppendFormatted(value);

    public void AppendFormatted(string? value) => _segments.Append(value);

    public void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider => AppendFormatted(valueProvider, null);

    public void AppendFormatted<T>(T valueProvider, string? format) where T : IValueProvider, IManifestExpressionProvider =>
        _segments.Append(valueProvider, valueProvider, format);

    public ReferenceExpression Build() => new([.. _segments]);

    /// <summary>Receives the parts of an appended interpolated string from the compiler.</summary>
    [InterpolatedStringHandler]
    public ref struct ReferenceExpressionBuilderInterpolatedStringHandler
    {
        private readonly ReferenceExpressionBuilder _builder;

        public ReferenceExpressionBuilderInterpolatedStringHandler(int literalLength, int formattedCount, ReferenceExpressionBuilder builder)
        {
            _builder = builder;
            builder._segments.EnsureCapacity(builder._segments.Count + formattedCount + Math.Min(literalLength, 1));
        }

        public readonly void AppendLiteral(string value) => _builder.AppendLiteral(value);

        public readonly void AppendFormatted(string? value) => _builder.AppendFormatted(value);

        public void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider => _builder.AppendFormatted(valueProvider, null);

        public void AppendFormatted<T>(T valueProvider, string? format) where T : IValueProvider, IManifestExpressionProvider => _builder.AppendFormatted(valueProvider, format);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider) where T : IResource, IValueProvider, IManifestExpressionProvider => AppendFormatted(valueProvider.Resource);

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider, string? format) where T : IResource, IValueProvider, IManifestExpressionProvider => AppendFormatted(valueProvider.Resource, format);
    }
}
