using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Jobs.Exports;

/// <summary>Writes tasks as the bytes of a file, one after the other.</summary>
internal interface IExportFormat
{
    void WriteStart(IBufferWriter<byte> file);

    void WriteTask(IBufferWriter<byte> file, TaskItem task, bool isFirst);

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

    public void Write(IBufferWriter<byte> file, TaskItem task)
    {
        var json = _json ??= new Utf8JsonWriter(file, s_options);
        json.Reset(file);
        json.WriteStartObject();
        json.WriteNumber("id"u8, task.Id);
        json.WriteString("title"u8, task.Title);
        json.WriteString("description"u8, task.Description);
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

    public void WriteTask(IBufferWriter<byte> file, TaskItem task, bool isFirst)
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

    public void WriteTask(IBufferWriter<byte> file, TaskItem task, bool isFirst)
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
    private readonly StringBuilder _line = new();

    public void WriteStart(IBufferWriter<byte> file) =>
        file.Write("id,title,description,completed,deadline,created_at,updated_at,owner_id\r\n"u8);

    public void WriteTask(IBufferWriter<byte> file, TaskItem task, bool isFirst)
    {
        _line.Clear();
        _line.Append(CultureInfo.InvariantCulture, $"{task.Id},");
        AppendText(task.Title);
        _line.Append(',');
        AppendText(task.Description);
        _line.Append(',').Append(task.Completed ? "true" : "false");
        _line.Append(',').Append(task.Deadline is { } deadline ? UtcText.Format(deadline) : "");
        _line.Append(',').Append(UtcText.Format(task.CreatedAt));
        _line.Append(',').Append(UtcText.Format(task.UpdatedAt));
        _line.Append(CultureInfo.InvariantCulture, $",{task.OwnerId}\r\n");

        // As one text: a builder's pieces may part a surrogate pair.
        Encoding.UTF8.GetBytes(_line.ToString(), file);
    }

    public void WriteEnd(IBufferWriter<byte> file, bool isEmpty)
    {
        // The last line is the last task.
    }

    private void AppendText(string text)
    {
        var isFormula = text is ['=' or '+' or '-' or '@' or '\t' or '\r', ..];
        var isQuoted = text.AsSpan().IndexOfAny("\",\r\n") >= 0;
        if (isQuoted)
        {
            _line.Append('"');
        }

        if (isFormula)
        {
            _line.Append('\'');
        }

        _line.Append(isQuoted ? text.Replace("\"", "\"\"", StringComparison.Ordinal) : text);
        if (isQuoted)
        {
            _line.Append('"');
        }
    }
}
