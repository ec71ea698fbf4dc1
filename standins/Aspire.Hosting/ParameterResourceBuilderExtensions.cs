using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Publishing;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting;

/// <summary>Values from outside the code.</summary>
public static class ParameterResourceBuilderExtensions
{
    /// <summary>Adds a value that configuration gives as Parameters:name.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddParameter(CreateParameter(builder, name, secret));

    /// <summary>Adds a value that the code gives.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddParameter(name, () => value, publishValueAsDefault, secret);

    /// <summary>Adds a value that the code gives when it is asked for.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter, bool publishValueAsDefault = false, bool secret = false)
    {
        ArgumentNullException.ThrowIfNull(valueGetter);
        return publishValueAsDefault && secret
            ? throw new ArgumentException("A parameter cannot be both secret and published as a default value.", nameof(secret))
            : builder.AddParameter(new ParameterResource(name, _ => valueGetter(), secret) { Default = publishValueAsDefault ? new ConstantParameterDefault(valueGetter) : null });
    }

    /// <summary>Adds a value that configuration gives as Parameters:name, and that is made if it does not.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="name">The parameter's name.</param>
    /// <param name="value">Makes the value.</param>
    /// <param name="secret">True keeps it out of the dashboard and the manifest.</param>
    /// <param name="persist">True keeps a made value in the AppHost's user secrets, if it has any.</param>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false, bool persist = false)
    {
        ArgumentNullException.ThrowIfNull(value);
        var parameter = CreateParameter(builder, name, secret);
        parameter.Default = persist ? Persisted(builder, name, value) : value;
        return builder.AddParameter(parameter);
    }

    /// <summary>Adds a connection string that configuration gives as ConnectionStrings:name.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddConnectionString(this IDistributedApplicationBuilder builder, string name, string? environmentVariableName = null) =>
        builder.AddParameter(new ConnectionStringParameterResource(name, builder.Configuration, environmentVariableName));

    /// <summary>A generated password of at least 128 bits, kept in the AppHost's user secrets if it has any.</summary>
    public static ParameterResource CreateDefaultPasswordParameter(IDistributedApplicationBuilder builder, string name, bool lower = true, bool upper = true, bool numeric = true, bool special = true, int minLower = 0, int minUpper = 0, int minNumeric = 0, int minSpecial = 0)
    {
        var parameter = CreateParameter(builder, name, secret: true);
        parameter.Default = Persisted(builder, name, new GenerateParameterDefault
        {
            MinLength = 22,
            Lower = lower,
            Upper = upper,
            Numeric = numeric,
            Special = special,
            MinLower = minLower,
            MinUpper = minUpper,
            MinNumeric = minNumeric,
            MinSpecial = minSpecial,
        });
        return parameter;
    }

    /// <summary>A parameter that is not added to the model, and so not shown.</summary>
    public static ParameterResource CreateParameter(IDistributedApplicationBuilder builder, string name, bool secret)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return new(name, @default => Configured(builder.Configuration, name) ?? @default?.GetDefaultValue()
            ?? throw new MissingParameterValueException($"Parameter resource could not be used because configuration key 'Parameters:{name}' is missing and the Parameter has no default value."), secret);
    }

    private static IResourceBuilder<T> AddParameter<T>(this IDistributedApplicationBuilder builder, T parameter) where T : ParameterResource =>
        builder.AddResource(parameter);

    private static ParameterDefault Persisted(IDistributedApplicationBuilder builder, string name, ParameterDefault value) =>
        builder.ExecutionContext.IsRunMode && builder is DistributedApplicationBuilder { UserSecrets: var secrets } ? new UserSecretsParameterDefault(name, value, secrets) : value;

    // Environment variables cannot have hyphens in their names, parameters can.
    private static string? Configured(ConfigurationManager configuration, string name) =>
        configuration[$"Parameters:{name}"] ?? configuration[$"Parameters:{name.Replace('-', '_')}"];

    private sealed class ConstantParameterDefault(Func<string> value) : ParameterDefault
    {
        public override string GetDefaultValue() => value();

        public override void WriteToManifest(ManifestPublishingContext context) => context.Writer.WriteString("value", value());
    }

    private sealed class UserSecretsParameterDefault(string name, ParameterDefault made, UserSecrets secrets) : ParameterDefault
    {
        public override string GetDefaultValue()
        {
            var value = made.GetDefaultValue();
            secrets.Save($"Parameters:{name}", value);
            return value;
        }

        public override void WriteToManifest(ManifestPublishingContext context) => made.WriteToManifest(context);
    }

    private sealed class ConnectionStringParameterResource : ParameterResource, IResourceWithConnectionString
    {
        internal ConnectionStringParameterResource(string name, IConfiguration configuration, string? environmentVariableName) : base(name, _ => configuration.GetConnectionString(name)
            ?? throw new MissingParameterValueException($"Connection string parameter resource could not be used because connection string '{name}' is missing."), secret: true)
        {
            IsConnectionString = true;
            ConnectionStringEnvironmentVariable = environmentVariableName;
        }

        public string? ConnectionStringEnvironmentVariable { get; }
        public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create($"{(ParameterResource)this}");

        string IManifestExpressionProvider.ValueExpression => $"{{{Name}.connectionString}}";
    }
}
