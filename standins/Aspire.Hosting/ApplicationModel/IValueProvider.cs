namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value that is known only while the application runs.</summary>
public interface IValueProvider
{
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

/// <summary>A value that the manifest writes as an expression, such as <c>{cache.connectionString}</c>.</summary>
public interface IManifestExpressionProvider
{
    string ValueExpression { get; }
}

/// <summary>A value for both modes: evaluated at run time, written as an expression on publish.</summary>
public interface IExpressionValue : IValueProvider, IManifestExpressionProvider;

/// <summary>A value that is made of others.</summary>
public interface IValueWithReferences
{
    IEnumerable<object> References { get; }
}
