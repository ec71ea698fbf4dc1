using System.Buffers;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Exports;

/// <summary>Takes bytes of any length and gives them back in chunks of <see cref="ExportChunk.Size"/>.</summary>
internal sealed class ChunkBuffer : IBufferWriter<byte>
{
    // A chunk and the longest task in any format.
    private const int FullLength = ExportChunk.Size + (256 * 1024);

    // Most files are a few kilobytes, for which nobody should have to clear megabytes.
    private byte[] _bytes = new byte[16 * 1024];
    private byte[]? _chunk;
    private byte[]? _chunkBefore;

    /// <summary>How many bytes are waiting.</summary>
    public int Length { get; private set; }

    /// <summary>The number of the chunk that is taken next.</summary>
    public int Number { get; private set; }

    public bool IsChunkFull => Length >= ExportChunk.Size;

    /// <summary>Takes the next chunk, short only where no more is waiting. It is valid until the one after the next is taken.</summary>
    public byte[] TakeChunk()
    {
        var length = Math.Min(Length, ExportChunk.Size);
        (_chunk, _chunkBefore) = (_chunkBefore, _chunk);
        var chunk = length == ExportChunk.Size ? _chunk ??= new byte[length] : new byte[length];
        _bytes.AsSpan(0, length).CopyTo(chunk);
        _bytes.AsSpan(length, Length - length).CopyTo(_bytes);
        Length -= length;
        Number++;

        return chunk;
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = Length + Math.Max(sizeHint, 1);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(needed, _bytes.Length < FullLength ? Math.Min(_bytes.Length * 4, FullLength) : _bytes.Length * 2));
        }

        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
