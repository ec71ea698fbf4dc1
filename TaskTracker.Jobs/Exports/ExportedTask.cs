using Npgsql;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Jobs.Exports;

/// <summary>
/// A task on its way into a file: one for all rows, and its texts in UTF-8, as PostgreSQL sends them and files have them. A
/// <see cref="TaskItem"/> with its strings for each of a million rows costs more than the file's bytes do.
/// </summary>
internal sealed class ExportedTask
{
    /// <summary>The columns that <see cref="Read"/> expects.</summary>
    public const string Columns = "id, title, description, completed, deadline, created_at, updated_at";

    private byte[] _title = [];
    private byte[] _description = [];

    public required int OwnerId { get; init; }

    public long Id { get; set; }

    public ReadOnlyMemory<byte> Title { get; set; }

    public ReadOnlyMemory<byte> Description { get; set; }

    public bool Completed { get; set; }

    public DateTimeOffset? Deadline { get; set; }

    public DateTimeOffset CreatedAt { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Becomes the task of a row; what it was before is gone.</summary>
    public void Read(NpgsqlDataReader row)
    {
        Id = row.GetInt64(0);
        Title = ReadText(row, 1, ref _title);
        Description = ReadText(row, 2, ref _description);
        Completed = row.GetBoolean(3);
        Deadline = row.IsDBNull(4) ? null : row.GetFieldValue<DateTimeOffset>(4);
        CreatedAt = row.GetFieldValue<DateTimeOffset>(5);
        UpdatedAt = row.GetFieldValue<DateTimeOffset>(6);
    }

    private static ReadOnlyMemory<byte> ReadText(NpgsqlDataReader row, int column, ref byte[] buffer)
    {
        var length = (int)row.GetBytes(column, 0, null, 0, 0);
        if (length > buffer.Length)
        {
            buffer = new byte[Math.Max(length, 2 * buffer.Length)];
        }

        row.GetBytes(column, 0, buffer, 0, length);
        return buffer.AsMemory(0, length);
    }
}
