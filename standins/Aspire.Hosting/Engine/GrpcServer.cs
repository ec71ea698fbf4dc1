using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.Engine;

/// <summary>
/// Serves gRPC methods over a bare Kestrel on a loopback port. There is no web host around it, so neither the AppHost's
/// <c>ASPNETCORE_URLS</c> nor its logging nor its Ctrl+C reach this server.
/// </summary>
internal sealed class GrpcServer : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly IReadOnlyDictionary<string, Func<GrpcCall, Task>> _methods;
    private readonly string _keyHeader;
    private readonly byte[] _key;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly KestrelServer _kestrel;

    /// <param name="methods">The handlers by method path, such as <c>/package.Service/Method</c>.</param>
    /// <param name="keyHeader">The header every call must carry.</param>
    /// <param name="key">The value it must have.</param>
    /// <param name="port">The port to listen on; 0 for any that is free.</param>
    /// <param name="log">Told of methods that fail.</param>
    public GrpcServer(IReadOnlyDictionary<string, Func<GrpcCall, Task>> methods, string keyHeader, string key, int port, ILogger log)
    {
        _log = log;
        _methods = methods;
        _keyHeader = keyHeader;
        _key = Encoding.UTF8.GetBytes(key);
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2);

        // A console nobody writes to keeps its stream open without a byte for hours.
        options.Limits.MinResponseDataRate = null;
        options.Limits.MinRequestBodyDataRate = null;
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        _kestrel = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
    }

    /// <summary>Where the server listens, once started.</summary>
    public string Address => _kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public Task StartAsync(CancellationToken cancellationToken) => _kestrel.StartAsync(this, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        using var limit = new CancellationTokenSource(StopLimit);
        await _kestrel.StopAsync(limit.Token);
        _kestrel.Dispose();
        _stopping.Dispose();
    }

    HttpContext IHttpApplication<HttpContext>.CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    void IHttpApplication<HttpContext>.DisposeContext(HttpContext context, Exception? exception)
    {
    }

    async Task IHttpApplication<HttpContext>.ProcessRequestAsync(HttpContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token);
        var call = new GrpcCall(context, ended.Token);
        context.Response.ContentType = "application/grpc";
        var presented = Encoding.UTF8.GetBytes(context.Request.Headers[_keyHeader].ToString());
        if (!CryptographicOperations.FixedTimeEquals(presented, _key))
        {
            call.End(GrpcStatus.Unauthenticated, $"The header {_keyHeader} does not hold the key.");
            return;
        }

        if (!_methods.TryGetValue(context.Request.Path.Value ?? "", out var method))
        {
            call.End(GrpcStatus.Unimplemented, $"There is no method {context.Request.Path}.");
            return;
        }

        try
        {
            await method(call);
            call.End(GrpcStatus.Ok);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            call.End(GrpcStatus.Unavailable, "The host is stopping.");
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or EndOfStreamException)
        {
            call.End(GrpcStatus.InvalidArgument, "The request is not a message of this method.");
        }
        catch (IOException)
        {
            // The caller is gone.
        }
        catch (Exception e)
        {
            _log.CallFailed(e, context.Request.Path.Value);
            call.End(GrpcStatus.Internal, e.Message);
        }
    }
}

/// <summary>The status codes of gRPC that this server answers with.</summary>
internal enum GrpcStatus
{
    Ok = 0,
    InvalidArgument = 3,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// <summary>One call: a request message in, any number of response messages out.</summary>
internal sealed class GrpcCall(HttpContext context, CancellationToken ended)
{
    private const int PrefixLength = 5;
    private const int MaxRequestLength = 1024 * 1024;

    /// <summary>Set when the caller has gone or the server stops.</summary>
    public CancellationToken Ended { get; } = ended;

    public async Task<T> ReadAsync<T>(MessageParser<T> parser)
        where T : IMessage<T>
    {
        var prefix = new byte[PrefixLength];
        await context.Request.Body.ReadExactlyAsync(prefix, Ended);
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix.AsSpan(1));
        if (prefix[0] != 0 || length > MaxRequestLength)
        {
            throw new EndOfStreamException("Compressed or oversized requests are not understood.");
        }

        var body = new byte[length];
        await context.Request.Body.ReadExactlyAsync(body, Ended);
        return parser.ParseFrom(body);
    }

    /// <summary>Sends the headers now, so that the caller knows the stream is open before there is anything in it.</summary>
    public async Task OpenAsync()
    {
        await context.Response.StartAsync(Ended);
        await context.Response.Body.FlushAsync(Ended);
    }

    public async Task SendAsync(IMessage message)
    {
        var length = message.CalculateSize();
        var frame = new byte[PrefixLength + length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), length);
        message.WriteTo(frame.AsSpan(PrefixLength));
        await context.Response.Body.WriteAsync(frame, Ended);
        await context.Response.Body.FlushAsync(Ended);
    }

    /// <summary>States how the call went: in the trailers, or in the headers when nothing was sent.</summary>
    public void End(GrpcStatus status, string? message = null)
    {
        Put("grpc-status", ((int)status).ToString(CultureInfo.InvariantCulture));
        if (message is not null)
        {
            Put("grpc-message", Uri.EscapeDataString(message));
        }

        void Put(string name, string value)
        {
            if (context.Response.HasStarted)
            {
                context.Response.AppendTrailer(name, value);
            }
            else
            {
                context.Response.Headers[name] = value;
            }
        }
    }
}
