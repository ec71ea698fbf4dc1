using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Operations;

/// <summary>
/// A piece of an exported file. All but the last are <see cref="Size"/> bytes long, so that the place of a byte needs no
/// search.
/// </summary>
public sealed class ExportChunk
{
    /// <summary>The length of every chunk but the last, in bytes.</summary>
    public const int Size = 1024 * 1024;

    /// <summary>The export.</summary>
    public Guid OperationId { get; set; }

    /// <summary>Which piece, from zero.</summary>
    public int ChunkNo { get; set; }

    /// <summary>The bytes.</summary>
    public required byte[] Data { get; set; }
}

internal sealed class ExportChunkConfiguration : IEntityTypeConfiguration<ExportChunk>
{
    public void Configure(EntityTypeBuilder<ExportChunk> chunk)
    {
        chunk.ToTable("export_chunks");
        chunk.HasKey(c => new { c.OperationId, c.ChunkNo });
    }
}
