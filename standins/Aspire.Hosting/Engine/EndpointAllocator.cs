using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Engine;

/// <summary>
/// Gives every endpoint its address before anything runs: a DCP service, whose port is known at once and stays while the
/// processes behind it come and go.
/// </summary>
internal sealed class EndpointAllocator(DcpClient dcp, IConfiguration configuration)
{
    private const string Host = "localhost";

    private static readonly TimeSpan AllocationLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    // Tests: nothing that runs beside them may be in their way.
    private readonly bool _randomizePorts = configuration.GetValue("DcpPublisher:RandomizePorts", defaultValue: false);

    public async Task AllocateAsync(IReadOnlyCollection<IResource> resources, CancellationToken cancellationToken)
    {
        var endpoints = resources
            .SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => (Resource: resource, Endpoint: endpoint)))
            .ToList();

        // DCP says nothing about a port that is taken, so all are tried before the first is asked for.
        foreach (var (resource, endpoint) in endpoints)
        {
            CheckPort(resource, endpoint);
        }

        await Task.WhenAll(endpoints.Select(pair => AllocateAsync(pair.Resource, pair.Endpoint, cancellationToken)));
    }

    /// <summary>What an executable of the resource serves.</summary>
    public static IEnumerable<ServiceProducer> Producers(IResource resource) =>
        resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint =>
            new ServiceProducer(ServiceName(resource, endpoint), endpoint.TargetHost, endpoint.TargetPort));

    private static string ServiceName(IResource resource, EndpointAnnotation endpoint) => $"{resource.Name}-{endpoint.Name}".ToLowerInvariant();

    private int? FixedPort(EndpointAnnotation endpoint) => _randomizePorts && endpoint.IsProxied ? null : endpoint.Port;

    private void CheckPort(IResource resource, EndpointAnnotation endpoint)
    {
        if (resource.GetReplicaCount() > 1 && (!endpoint.IsProxied || endpoint.TargetPort is not null))
        {
            throw new DistributedApplicationException(
                $"Endpoint '{endpoint.Name}' of resource '{resource.Name}' fixes the port its process listens on, which {resource.GetReplicaCount()} replicas cannot share: leave the target port out and keep the endpoint proxied.");
        }

        if (endpoint is { IsProxied: true, Port: { } outer, TargetPort: { } inner } && outer == inner && !_randomizePorts)
        {
            throw new DistributedApplicationException(
                $"Endpoint '{endpoint.Name}' of resource '{resource.Name}' gives the proxy and the process the same port {outer}: leave the target port out, or set IsProxied to false.");
        }

        if (FixedPort(endpoint) is { } port && !PortProbe.IsFree(port))
        {
            throw new DistributedApplicationException(
                $"Port {port} of endpoint '{endpoint.Name}' of resource '{resource.Name}' is in use: stop the program that listens there, or give the endpoint another port.");
        }
    }

    private async Task AllocateAsync(IResource resource, EndpointAnnotation endpoint, CancellationToken cancellationToken)
    {
        var name = ServiceName(resource, endpoint);
        if (!endpoint.IsProxied)
        {
            // Others connect to the process itself, so the one port has to be known to all from the beginning.
            endpoint.Port ??= PortProbe.FindFree();
            endpoint.TargetPort = endpoint.Port;
        }

        await dcp.CreateAsync(
            new DcpObject<ServiceSpec, ServiceStatus>
            {
                Metadata = new DcpMetadata { Name = name },
                Spec = new ServiceSpec
                {
                    Port = FixedPort(endpoint),
                    Protocol = endpoint.Protocol.ToString().ToUpperInvariant(),
                    Address = endpoint.IsProxied ? null : Host,
                    AddressAllocationMode = endpoint.IsProxied ? "Localhost" : "Proxyless",
                },
            },
            cancellationToken);

        var port = endpoint.IsProxied ? await EffectivePortAsync(resource, endpoint, name, cancellationToken) : endpoint.Port!.Value;
        var targetPort = endpoint.TargetPort is { } target
            ? target.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : DcpTemplate.PortForServing(name);
        endpoint.AllocatedEndpoint = new AllocatedEndpoint(endpoint, Host, port, targetPort);
    }

    private async Task<int> EffectivePortAsync(IResource resource, EndpointAnnotation endpoint, string name, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AllocationLimit);
        try
        {
            while (true)
            {
                var service = await dcp.GetAsync<ServiceSpec, ServiceStatus>(name, limit.Token);
                if (service?.Status?.EffectivePort is > 0 and var port)
                {
                    return port;
                }

                await Task.Delay(Poll, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException(
                $"Aspire's orchestrator gave endpoint '{endpoint.Name}' of resource '{resource.Name}' no address within {AllocationLimit.TotalSeconds:0} seconds; if its port {endpoint.Port} was taken meanwhile, free it and start again.");
        }
    }
}

/// <summary>Asks the machine about loopback ports by listening on them for a moment.</summary>
internal static class PortProbe
{
    public static bool IsFree(int port) => CanListen(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || CanListen(IPAddress.IPv6Loopback, port));

    public static int FindFree()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool CanListen(IPAddress address, int port)
    {
        using var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException e)
        {
            // An address family the machine has switched off cannot be taken by anyone.
            return e.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
