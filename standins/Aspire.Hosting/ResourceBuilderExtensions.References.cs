using System.Text;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <summary>
    /// Hands the connection string over as ConnectionStrings__name, and its parts as NAME_HOST, NAME_PORT and so on for clients
    /// that cannot read it.
    /// </summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithConnectionString> source, string? connectionName = null, bool optional = false)
        where TDestination : IResourceWithEnvironment
    {
        var resource = source.Resource;
        connectionName ??= resource.Name;
        return builder.WithReferenceRelationship(resource).WithEnvironment(context =>
        {
            context.EnvironmentVariables[resource.ConnectionStringEnvironmentVariable ?? $"ConnectionStrings__{connectionName}"] = new ConnectionStringReference(resource, optional);
            foreach (var (part, value) in resource.GetConnectionProperties())
            {
                context.EnvironmentVariables[(connectionName.Length == 0 ? part : $"{VariableName(connectionName)}_{part}").ToUpperInvariant()] = value;
            }
        });
    }

    /// <summary>Hands all endpoints over, for service discovery (services__name__scheme__0) and plainly (NAME_ENDPOINT).</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source)
        where TDestination : IResourceWithEnvironment => builder.WithEndpointsOf(source.Resource, endpoint => !endpoint.ExcludeReferenceEndpoint);

    /// <summary>Hands one endpoint over, for service discovery and plainly.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(this IResourceBuilder<TDestination> builder, EndpointReference endpointReference)
        where TDestination : IResourceWithEnvironment =>
        builder.WithEndpointsOf(endpointReference.Resource, endpoint => string.Equals(endpoint.EndpointName, endpointReference.EndpointName, StringComparison.OrdinalIgnoreCase));

    /// <summary>Hands the address of a service over that is not part of the application.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(this IResourceBuilder<TDestination> builder, string name, Uri uri)
        where TDestination : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(uri);
        return !uri.IsAbsoluteUri || uri.Query.Length > 0 || uri.Fragment.Length > 0
            ? throw new InvalidOperationException($"The URI for service reference '{name}' must be absolute, without query and fragment.")
            : builder.WithEnvironment($"services__{name}__default__0", uri.ToString()).WithEnvironment(VariableName(name), uri.ToString());
    }

    private static IResourceBuilder<TDestination> WithEndpointsOf<TDestination>(this IResourceBuilder<TDestination> builder, IResourceWithEndpoints source, Func<EndpointReference, bool> filter)
        where TDestination : IResourceWithEnvironment => builder.WithReferenceRelationship(source).WithEnvironment(context =>
    {
        foreach (var endpoint in source.GetEndpoints().Where(filter))
        {
            context.EnvironmentVariables[$"{VariableName(source.Name)}_{VariableName(endpoint.EndpointName)}".ToUpperInvariant()] = endpoint;

            // Service discovery asks for http and https by scheme, for everything else by the endpoint's name.
            var kind = endpoint.EndpointName is "http" or "https" ? endpoint.Scheme : endpoint.EndpointName;
            var index = 0;
            while (context.EnvironmentVariables.TryGetValue($"services__{source.Name}__{kind}__{index}", out var other) && (other as EndpointReference)?.EndpointAnnotation != endpoint.EndpointAnnotation)
            {
                index++;
            }

            context.EnvironmentVariables[$"services__{source.Name}__{kind}__{index}"] = endpoint;
        }
    });

    // A variable's name has letters, digits and underscores, and does not begin with a digit.
    private static string VariableName(string name)
    {
        var result = new StringBuilder(name.Length + 1);
        foreach (var character in name)
        {
            result.Append(char.IsAsciiLetterOrDigit(character) ? character : '_');
        }

        return result is [>= '0' and <= '9', ..] ? $"_{result}" : result.ToString();
    }
}
