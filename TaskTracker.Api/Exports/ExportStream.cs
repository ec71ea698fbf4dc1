using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Api.Exports;

/// <summary>
/// An exported file, read from the database a chunk at a time: a slow client holds one chunk in memory and no connection.
/// </summary>
internal sealed class ExportStream(TaskTrackerDbContext db, Guid export, long length) : Stream
{
    private byte[] _chunk = [];
    private long _chunkNo = -1;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get; set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Position >= length || buffer.Length == 0)
        {
            return 0;
        }

        var (number, offset) = Math.DivRem(Position, ExportChunk.Size);
        if (number != _chunkNo)
        {
            _chunk = await db.ExportChunks.Where(chunk => chunk.OperationId == export && chunk.ChunkNo == (int)number)
                .Select(chunk => chunk.Data).SingleOrDefaultAsync(cancellationToken)
                ?? throw new IOException("The export was deleted while it was read.");
            _chunkNo = number;
        }

        var part = _chunk.AsMemory((int)offset);
        part = part[..Math.Min(part.Length, buffer.Length)];
        part.CopyTo(buffer);
        Position += part.Length;

        return part.Length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("An export is read asynchronously only: it comes from the database.");

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => length + offset,
    };

    public override void Flush() => throw new NotSupportedException("An export is read only.");

    public override void SetLength(long value) => throw new NotSupportedException("An export is read only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("An export is read only.");
}
