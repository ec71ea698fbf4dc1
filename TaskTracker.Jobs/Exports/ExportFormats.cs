using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using TaskTracker.Data;
using TaskTracker.Data.Operations;

namespace TaskTracker.Jobs.Exports;

/// <summary>Writes tasks as the bytes of a file, one after the other.</summary>
internal interface IExportFormat
{
    void WriteStart(IBufferWriter<byte> file);

    void WriteTask(IBufferWriter<byte> file, ExportedTask task, bool isFirst);

    void WriteEnd(IBufferWriter<byte> file, bool isEmpty);
}

/// <summary>The formats of exported files. All are UTF-8 without a byte order mark and name values as the API does.</summary>
internal static class ExportFormats
{
    public static IExportFormat Create(ExportFormat format) => format switch
    {
        ExportFormat.Json => new JsonArrayFormat(),
        ExportFormat.Ndjson => new NdjsonFormat(),
        ExportFormat.Csv => new CsvFormat(),
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "There is no such format."),
    };
}

/// <summary>Tasks as JSON objects, by one writer for all of a file.</summary>
internal sealed class JsonTasks
{
    // The file is never part of a page, so text stays readable.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private Utf8JsonWriter? _json;

    public void Write(IBufferWriter<byte> file, ExportedTask task)
    {
        var json = _json ??= new Utf8JsonWriter(file, s_options);
        json.Reset(file);
        json.WriteStartObject();
        json.WriteNumber("id"u8, task.Id);
        json.WriteString("title"u8, task.Title.Span);
        json.WriteString("description"u8, task.Description.Span);
        json.WriteBoolean("completed"u8, task.Completed);
        WriteTime(json, "deadline"u8, task.Deadline);
        WriteTime(json, "created_at"u8, task.CreatedAt);
        WriteTime(json, "updated_at"u8, task.UpdatedAt);
        json.WriteNumber("owner_id"u8, task.OwnerId);
        json.WriteEndObject();
        json.Flush();
    }

    private static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> name, DateTimeOffset? time)
    {
        if (time is null)
        {
            json.WriteNull(name);
            return;
        }

        Span<byte> text = stackalloc byte[UtcText.Length];
        UtcText.Format(time.Value, text);
        json.WriteString(name, text);
    }
}

/// <summary>One array, one task a line.</summary>
internal sealed class JsonArrayFormat : IExportFormat
{
    private readonly JsonTasks _tasks = new();

    public void WriteStart(IBufferWriter<byte> file) => file.Write("["u8);

    public void WriteTask(IBufferWriter<byte> file, ExportedTask task, bool isFirst)
    {
        file.Write(isFirst ? "\n"u8 : ",\n"u8);
        _tasks.Write(file, task);
    }

    public void WriteEnd(IBufferWriter<byte> file, bool isEmpty) => file.Write(isEmpty ? "]\n"u8 : "\n]\n"u8);
}

/// <summary>One task a line.</summary>
internal sealed class NdjsonFormat : IExportFormat
{
    private readonly JsonTasks _tasks = new();

    public void WriteStart(IBufferWriter<byte> file)
    {
        // The first line is the first task.
    }

    public void WriteTask(IBufferWriter<byte> file, ExportedTask task, bool isFirst)
    {
        _tasks.Write(file, task);
        file.Write("\n"u8);
    }

    public void WriteEnd(IBufferWriter<byte> file, bool isEmpty)
    {
        // The last line is the last task.
    }
}

/// <summary>
/// RFC 4180. Spreadsheets take text that begins with <c>= + - @</c>, a tab or a carriage return for a formula, which
/// somebody else may have put there: such text gets an apostrophe before it, as OWASP advises.
/// </summary>
internal sealed class CsvFormat : IExportFormat
{
    private const int LongestNumber = 20;

    public void WriteStart(IBufferWriter<byte> file) =>
        file.Write("id,title,description,completed,deadline,created_at,updated_at,owner_id\r\n"u8);

    public void WriteTask(IBufferWriter<byte> file, ExportedTask task, bool isFirst)
    {
        WriteNumber(file, task.Id);
        file.Write(","u8);
        WriteText(file, task.Title.Span);
        file.Write(","u8);
        WriteText(file, task.Description.Span);
        file.Write(task.Completed ? ",true,"u8 : ",false,"u8);
        WriteTime(file, task.Deadline);
        file.Write(","u8);
        WriteTime(file, task.CreatedAt);
        file.Write(","u8);
        WriteTime(file, task.UpdatedAt);
        file.Write(","u8);
        WriteNumber(file, task.OwnerId);
        file.Write("\r\n"u8);
    }

    public void WriteEnd(IBufferWriter<byte> file, bool isEmpty)
    {
        // The last line is the last task.
    }

    private static void WriteText(IBufferWriter<byte> file, ReadOnlySpan<byte> text)
    {
        var isQuoted = text.IndexOfAny("\",\r\n"u8) >= 0;
        if (isQuoted)
        {
            file.Write("\""u8);
        }

        if (text is [(byte)'=' or (byte)'+' or (byte)'-' or (byte)'@' or (byte)'\t' or (byte)'\r', ..])
        {
            file.Write("'"u8);
        }

        for (int quote; (quote = text.IndexOf((byte)'"')) >= 0; text = text[(quote + 1)..])
        {
            file.Write(text[..quote]);
            file.Write("\"\""u8);
        }

        file.Write(text);
        if (isQuoted)
        {
            file.Write("\""u8);
        }
    }

    private static void WriteNumber(IBufferWriter<byte> file, long number)
    {
        number.TryFormat(file.GetSpan(LongestNumber), out var length, provider: CultureInfo.InvariantCulture);
        file.Advance(length);
    }

    private static void WriteTime(IBufferWriter<byte> file, DateTimeOffset? time)
    {
        if (time is not null)
        {
            UtcText.Format(time.Value, file.GetSpan(UtcText.Length));
            file.Advance(UtcText.Length);
        }
    }
}
