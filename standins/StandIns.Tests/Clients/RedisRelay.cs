using System.Net;
using System.Net.Sockets;

namespace StandIns.Tests.Clients;

/// <summary>A port of its own that leads to the test server, and can be closed and opened again as if that had died.</summary>
internal sealed class RedisRelay : IAsyncDisposable
{
    private readonly IPEndPoint _server;
    private TcpListener _listener;
    private CancellationTokenSource _open = new();
    private Task _running;

    public RedisRelay(IPEndPoint server)
    {
        _server = server;
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running = RunAsync(_listener, _open.Token);
    }

    public int Port { get; }

    public async Task CloseAsync()
    {
        await _open.CancelAsync();
        _listener.Stop();
        await _running;
        _open.Dispose();
    }

    public void Open()
    {
        _open = new CancellationTokenSource();
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _running = RunAsync(_listener, _open.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_open.IsCancellationRequested)
        {
            await CloseAsync();
        }
    }

    private async Task RunAsync(TcpListener listener, CancellationToken closed)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                connections.Add(RelayAsync(await listener.AcceptTcpClientAsync(closed), closed));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task RelayAsync(TcpClient client, CancellationToken closed)
    {
        using (client)
        using (var server = new TcpClient())
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(closed))
        {
            try
            {
                await server.ConnectAsync(_server, closed);
                await Task.WhenAny(
                    client.GetStream().CopyToAsync(server.GetStream(), either.Token),
                    server.GetStream().CopyToAsync(client.GetStream(), either.Token));
                await either.CancelAsync();
            }
            catch (Exception exception) when (exception is OperationCanceledException or IOException or SocketException)
            {
                // A connection that breaks is what this class is for.
            }
        }
    }
}
