using System.Text;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Exports;

namespace TaskTracker.Tests.Operations;

public sealed class ExportFormatTests
{
    private static readonly DateTimeOffset s_time = new(2030, 1, 31, 8, 30, 0, TimeSpan.Zero);

    private static readonly ExportedTask[] s_tasks =
    [
        new()
        {
            Id = 1, OwnerId = 7, Title = Utf8("Buy \"milk\", eggs"), Description = Utf8("two\r\nlines ü 💩"), Deadline = s_time.AddMicroseconds(123456),
            CreatedAt = s_time, UpdatedAt = s_time,
        },
        new() { Id = 2, OwnerId = 7, Title = Utf8("=1+1"), Completed = true, CreatedAt = s_time, UpdatedAt = s_time },
    ];

    [Theory]
    [InlineData(
        ExportFormat.Json,
        """
        [
        {"id":1,"title":"Buy \"milk\", eggs","description":"two\r\nlines ü \uD83D\uDCA9","completed":false,"deadline":"2030-01-31T08:30:00.123456Z","created_at":"2030-01-31T08:30:00.000000Z","updated_at":"2030-01-31T08:30:00.000000Z","owner_id":7},
        {"id":2,"title":"=1+1","description":"","completed":true,"deadline":null,"created_at":"2030-01-31T08:30:00.000000Z","updated_at":"2030-01-31T08:30:00.000000Z","owner_id":7}
        ]

        """)]
    [InlineData(
        ExportFormat.Ndjson,
        """
        {"id":1,"title":"Buy \"milk\", eggs","description":"two\r\nlines ü \uD83D\uDCA9","completed":false,"deadline":"2030-01-31T08:30:00.123456Z","created_at":"2030-01-31T08:30:00.000000Z","updated_at":"2030-01-31T08:30:00.000000Z","owner_id":7}
        {"id":2,"title":"=1+1","description":"","completed":true,"deadline":null,"created_at":"2030-01-31T08:30:00.000000Z","updated_at":"2030-01-31T08:30:00.000000Z","owner_id":7}

        """)]
    [InlineData(
        ExportFormat.Csv,
        "id,title,description,completed,deadline,created_at,updated_at,owner_id\r\n"
        + "1,\"Buy \"\"milk\"\", eggs\",\"two\r\nlines ü 💩\",false,2030-01-31T08:30:00.123456Z,2030-01-31T08:30:00.000000Z,2030-01-31T08:30:00.000000Z,7\r\n"
        + "2,'=1+1,,true,,2030-01-31T08:30:00.000000Z,2030-01-31T08:30:00.000000Z,7\r\n")]
    public void A_format_writes_exactly_these_bytes(ExportFormat format, string expected) => Assert.Equal(expected, Write(format, s_tasks));

    [Theory]
    [InlineData(ExportFormat.Json, "[]\n")]
    [InlineData(ExportFormat.Ndjson, "")]
    [InlineData(ExportFormat.Csv, "id,title,description,completed,deadline,created_at,updated_at,owner_id\r\n")]
    public void Without_tasks_a_file_is_well_formed_too(ExportFormat format, string expected) => Assert.Equal(expected, Write(format, []));

    [Theory]
    [InlineData("=SUM(A1)", "'=SUM(A1)")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@x", "'@x")]
    [InlineData("\tx", "'\tx")]
    [InlineData("\rx", "\"'\rx\"")]
    [InlineData("=\"a\",b", "\"'=\"\"a\"\",b\"")]
    [InlineData("a=b", "a=b")]
    [InlineData("'x", "'x")]
    [InlineData(" x ", " x ")]
    [InlineData("a\nb", "\"a\nb\"")]
    public void Text_that_a_spreadsheet_would_take_for_a_formula_is_guarded(string title, string expected)
    {
        var csv = Write(ExportFormat.Csv, [new ExportedTask { OwnerId = 0, Title = Utf8(title), CreatedAt = s_time, UpdatedAt = s_time }]);

        Assert.StartsWith($"0,{expected},,false,", csv[(csv.IndexOf('\n', StringComparison.Ordinal) + 1)..], StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_come_back_in_chunks_of_one_size_whatever_length_they_had()
    {
        var random = new Random(1);
        var written = new MemoryStream();
        var read = new MemoryStream();
        var buffer = new ChunkBuffer();
        while (written.Length < 5 * ExportChunk.Size)
        {
            var piece = new byte[random.Next(1, 700_000)];
            random.NextBytes(piece);
            written.Write(piece);
            piece.CopyTo(buffer.GetSpan(piece.Length));
            buffer.Advance(piece.Length);
            while (buffer.IsChunkFull)
            {
                var chunk = buffer.TakeChunk();
                Assert.Equal(ExportChunk.Size, chunk.Length);
                read.Write(chunk);
            }
        }

        while (buffer.Length > 0)
        {
            read.Write(buffer.TakeChunk());
        }

        Assert.Equal(written.ToArray(), read.ToArray());
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Write(ExportFormat format, ExportedTask[] tasks)
    {
        var file = new ChunkBuffer();
        var writer = ExportFormats.Create(format);
        writer.WriteStart(file);
        for (var i = 0; i < tasks.Length; i++)
        {
            writer.WriteTask(file, tasks[i], isFirst: i == 0);
        }

        writer.WriteEnd(file, isEmpty: tasks.Length == 0);
        return file.Length == 0 ? "" : Encoding.UTF8.GetString(file.TakeChunk());
    }
}
