using System.Globalization;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Another resource's endpoint, known by name; as a value it is the endpoint's URL.</summary>
public sealed class EndpointReference : IExpressionValue, IValueWithReferences
{
    private EndpointAnnotation? _annotation;

    public EndpointReference(IResourceWithEndpoints owner, EndpointAnnotation endpoint) : this(owner, endpoint?.Name!) => _annotation = endpoint;

    public EndpointReference(IResourceWithEndpoints owner, string endpointName)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentNullException.ThrowIfNull(endpointName);
        Resource = owner;
        EndpointName = endpointName;
    }

    public IResourceWithEndpoints Resource { get; }
    public string EndpointName { get; }
    public EndpointAnnotation EndpointAnnotation => Find() ?? throw new InvalidOperationException(MissingMessage());
    public bool Exists => Find() is not null;
    public bool IsAllocated => Find()?.AllocatedEndpoint is not null;
    public bool IsHttp => string.Equals(Scheme, "http", StringComparison.OrdinalIgnoreCase);
    public bool IsHttps => string.Equals(Scheme, "https", StringComparison.OrdinalIgnoreCase);
    public bool ExcludeReferenceEndpoint => Find() is { ExcludeReferenceEndpoint: true };
    public string Scheme => EndpointAnnotation.UriScheme;
    public string Host => Allocated.Address;
    public int Port => Allocated.Port;
    public int? TargetPort => EndpointAnnotation.TargetPort;
    public string Url => Allocated.UriString;

    string IManifestExpressionProvider.ValueExpression => Property(EndpointProperty.Url).ValueExpression;
    IEnumerable<object> IValueWithReferences.References => [Resource];

    private AllocatedEndpoint Allocated => EndpointAnnotation.AllocatedEndpoint
        ?? throw new InvalidOperationException($"The endpoint '{EndpointName}' of resource '{Resource.Name}' is not allocated yet.");

    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    /// <summary>Waits until the endpoint is allocated.</summary>
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => Property(EndpointProperty.Url).GetValueAsync(cancellationToken);

    private EndpointAnnotation? Find() => _annotation ??= Resource.Annotations.OfType<EndpointAnnotation>()
        .SingleOrDefault(annotation => string.Equals(annotation.Name, EndpointName, StringComparison.OrdinalIgnoreCase));

    private string MissingMessage()
    {
        var names = Resource.Annotations.OfType<EndpointAnnotation>().Select(annotation => $"'{annotation.Name}'").ToList();
        return $"The resource '{Resource.Name}' has no endpoint '{EndpointName}'; it has {(names.Count == 0 ? "none" : string.Join(", ", names))}.";
    }
}

/// <summary>One part of an endpoint's address.</summary>
public class EndpointReferenceExpression(EndpointReference endpointReference, EndpointProperty property) : IExpressionValue, IValueWithReferences
{
    public EndpointReference Endpoint { get; } = endpointReference ?? throw new ArgumentNullException(nameof(endpointReference));
    public EndpointProperty Property { get; } = property;

    public string ValueExpression => Property switch
    {
        EndpointProperty.Url => Binding("url"),
        EndpointProperty.Host or EndpointProperty.IPV4Host => Binding("host"),
        EndpointProperty.Port => Binding("port"),
        EndpointProperty.Scheme => Binding("scheme"),
        EndpointProperty.TargetPort => Binding("targetPort"),
        EndpointProperty.HostAndPort => $"{Binding("host")}:{Binding("port")}",
        _ => throw Unsupported(),
    };

    IEnumerable<object> IValueWithReferences.References => [Endpoint];

    /// <summary>Waits, but for what is known from the declaration, until the endpoint is allocated.</summary>
    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => Property switch
    {
        EndpointProperty.Scheme => Endpoint.Scheme,
        EndpointProperty.IPV4Host => "127.0.0.1",
        EndpointProperty.TargetPort when Endpoint.TargetPort is { } port => Text(port),
        EndpointProperty.Url => (await AllocatedAsync(cancellationToken)).UriString,
        EndpointProperty.Host => (await AllocatedAsync(cancellationToken)).Address,
        EndpointProperty.Port => Text((await AllocatedAsync(cancellationToken)).Port),
        EndpointProperty.HostAndPort => (await AllocatedAsync(cancellationToken)).EndPointString,
        EndpointProperty.TargetPort => (await AllocatedAsync(cancellationToken)).TargetPortExpression
            ?? throw new InvalidOperationException($"The target port of endpoint '{Endpoint.EndpointName}' of resource '{Endpoint.Resource.Name}' is not known to the orchestrator."),
        _ => throw Unsupported(),
    };

    private Task<AllocatedEndpoint> AllocatedAsync(CancellationToken cancellationToken) => Endpoint.EndpointAnnotation.WhenAllocatedAsync(cancellationToken);

    private string Binding(string part) => $"{{{Endpoint.Resource.Name}.bindings.{Endpoint.EndpointName}.{part}}}";

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private InvalidOperationException Unsupported() => new($"The endpoint property '{Property}' is not supported.");
}

/// <summary>The parts of an endpoint's address.</summary>
public enum EndpointProperty
{
    Url,
    Host,
    IPV4Host,
    Port,
    Scheme,
    TargetPort,
    HostAndPort,
}
