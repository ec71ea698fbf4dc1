using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace TaskTracker.Benchmarks.Load;

/// <summary>A connection that sends requests word for word, and reads of the answers no more than it must.</summary>
internal sealed class RawConnection(Uri server) : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private TcpClient? _client;

    /// <summary>Sends a request and returns its answer's status once the answer is there in full.</summary>
    /// <exception cref="IOException">The connection broke; the next request opens another.</exception>
    public async Task<int> AskAsync(string request, CancellationToken cancellationToken)
    {
        try
        {
            if (_client is null)
            {
                _client = new TcpClient { NoDelay = true };
                await _client.ConnectAsync(server.Host, server.Port, cancellationToken);
            }

            var stream = _client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
            return await ReadAsync(stream, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _client?.Dispose();
        _client = null;
    }

    private async Task<int> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var (filled, head) = (0, -1);
        while (head < 0)
        {
            filled += await ReadSomeAsync(filled);
            head = _buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
        }

        var headers = Encoding.ASCII.GetString(_buffer, 0, head);
        var status = int.Parse(headers.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var body = filled - head - 4;
        if (headers.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
        {
            // The last chunk is empty, and JSON holds no such line.
            while (!_buffer.AsSpan(0, filled).EndsWith("\r\n0\r\n\r\n"u8))
            {
                // The end of what was read before is what may be the beginning of the end.
                var kept = Math.Min(filled, 16);
                _buffer.AsSpan(filled - kept, kept).CopyTo(_buffer);
                filled = kept + await ReadSomeAsync(kept);
            }

            return status;
        }

        for (var length = LengthOf(headers); body < length;)
        {
            body += await ReadSomeAsync(0);
        }

        return status;

        async Task<int> ReadSomeAsync(int from) => await stream.ReadAsync(_buffer.AsMemory(from), cancellationToken) is > 0 and var read
            ? read
            : throw new IOException("The server has closed the connection in the middle of an answer.");
    }

    private static int LengthOf(string headers)
    {
        const string Name = "\r\nContent-Length: ";
        var at = headers.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            return 0;
        }

        var rest = headers.AsSpan(at + Name.Length);
        return int.Parse(rest[..(rest.IndexOf('\r') is >= 0 and var end ? end : rest.Length)], CultureInfo.InvariantCulture);
    }
}
