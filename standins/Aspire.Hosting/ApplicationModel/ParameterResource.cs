namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value from outside the code: from configuration, or generated.</summary>
public class ParameterResource : Resource, IExpressionValue
{
    private readonly Lazy<string> _value;

    public ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false) : base(name)
    {
        ArgumentNullException.ThrowIfNull(callback);
        _value = new(() => callback(Default));
        Secret = secret;
    }

    /// <summary>What takes the place of a value that was not configured.</summary>
    public ParameterDefault? Default { get; set; }

    /// <summary>True keeps the value out of the dashboard and the manifest.</summary>
    public bool Secret { get; }

    public bool IsConnectionString { get; set; }
    public string ValueExpression => $"{{{Name}.value}}";

    /// <exception cref="MissingParameterValueException">The value was not configured and has no default.</exception>
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken) => new(_value.Value);
}
