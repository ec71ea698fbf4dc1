using System.Net.Sockets;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>
/// A place where a resource listens. <see cref="Port"/> is where others connect (DCP's proxy), <see cref="TargetPort"/> where
/// the process itself listens; null means any free port.
/// </summary>
public sealed class EndpointAnnotation : IResourceAnnotation
{
    private readonly ValueSnapshot<AllocatedEndpoint> _allocated = new();
    private int? _port;
    private int? _targetPort;
    private string? _transport;

    public EndpointAnnotation(ProtocolType protocol, string? uriScheme = null, string? transport = null, string? name = null, int? port = null, int? targetPort = null, bool? isExternal = null, bool? isProxied = null)
    {
        Protocol = protocol;
        UriScheme = uriScheme ?? protocol.ToString().ToLowerInvariant();
        Name = ModelName.Validated("Endpoint", name ?? UriScheme);
        _transport = transport;
        _port = port;
        _targetPort = targetPort;
        IsExternal = isExternal ?? false;
        IsProxied = isProxied ?? true;
    }

    public string Name { get; set; }
    public ProtocolType Protocol { get; set; }
    public string UriScheme { get; set; }
    public string TargetHost { get; set; } = "localhost";
    public bool IsExternal { get; set; }
    public bool IsProxied { get; set; }

    /// <summary>True keeps the endpoint out of what a reference to the whole resource hands over.</summary>
    public bool ExcludeReferenceEndpoint { get; set; }

    // Without a proxy others connect to the process itself: the two ports are one.
    public int? Port
    {
        get => _port ?? (IsProxied ? null : _targetPort);
        set => _port = value;
    }

    public int? TargetPort
    {
        get => _targetPort ?? (IsProxied ? null : _port);
        set => _targetPort = value;
    }

    public string Transport
    {
        get => _transport ?? (UriScheme is "http" or "https" ? "http" : Protocol.ToString().ToLowerInvariant());
        set => _transport = value;
    }

    /// <summary>The addresses in use, or null while there are none. The orchestrator sets it before the resource starts.</summary>
    public AllocatedEndpoint? AllocatedEndpoint
    {
        get => _allocated.IsValueSet ? _allocated.GetValueAsync().GetAwaiter().GetResult() : null;
        set
        {
            if (value is null)
            {
                _allocated.SetException(new InvalidOperationException($"The endpoint '{Name}' is not allocated."));
            }
            else
            {
                _allocated.SetValue(value);
            }
        }
    }

    /// <summary>The port came from a launch profile: it serves a developer's run and is not published.</summary>
    internal bool FromLaunchProfile { get; set; }

    /// <summary>The variable that tells the process where to listen, if it asked for one.</summary>
    internal string? TargetPortEnvironmentVariable { get; set; }

    internal Task<AllocatedEndpoint> WhenAllocatedAsync(CancellationToken cancellationToken) => _allocated.GetValueAsync(cancellationToken);
}

/// <summary>An endpoint's real address.</summary>
public class AllocatedEndpoint
{
    public AllocatedEndpoint(EndpointAnnotation endpoint, string address, int port, string? targetPortExpression = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        Endpoint = endpoint;
        Address = address;
        Port = port;
        TargetPortExpression = targetPortExpression;
    }

    public EndpointAnnotation Endpoint { get; }
    public string Address { get; }
    public int Port { get; }

    /// <summary>What the orchestrator replaces, in variables and arguments, by the port of the instance it starts.</summary>
    public string? TargetPortExpression { get; }

    public string UriScheme => Endpoint.UriScheme;
    public string EndPointString => $"{Address}:{Port}";
    public string UriString => $"{UriScheme}://{EndPointString}";

    public override string ToString() => UriString;
}

/// <summary>A value that readers can await before it is there, and that may later be replaced.</summary>
internal sealed class ValueSnapshot<T>
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<T> _value = NewSource();

    internal bool IsValueSet => Current.IsCompletedSuccessfully;

    private Task<T> Current
    {
        get
        {
            lock (_lock)
            {
                return _value.Task;
            }
        }
    }

    internal Task<T> GetValueAsync(CancellationToken cancellationToken = default) => Current.WaitAsync(cancellationToken);

    internal void SetValue(T value) => Complete(source => source.TrySetResult(value));

    internal void SetException(Exception exception) => Complete(source => source.TrySetException(exception));

    private void Complete(Func<TaskCompletionSource<T>, bool> complete)
    {
        lock (_lock)
        {
            if (!complete(_value))
            {
                _value = NewSource();
                complete(_value);
            }

            // Observed here, so that a value nobody awaits cannot surface as an unobserved exception.
            _ = _value.Task.Exception;
        }
    }

    private static TaskCompletionSource<T> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
