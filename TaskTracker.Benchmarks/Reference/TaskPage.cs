using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace TaskTracker.Benchmarks.Reference;

/// <summary>The first page of an owner's tasks by the statement that the API sends, through Npgsql alone.</summary>
internal static class TaskPage
{
    private const int Limit = 50;
    private const string Time = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    private const string Statement =
        """
        SELECT t.id, t.completed, t.completed_at, t.created_at, t.deadline, t.description, t.owner_id, t.title, t.updated_at, t.xmin
        FROM tasks AS t
        WHERE t.owner_id = $1
        ORDER BY t.created_at, t.id
        LIMIT $2
        """;

    public static async Task WriteAsync(NpgsqlDataSource database, int owner, HttpContext context)
    {
        await using var command = database.CreateCommand(Statement);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = owner });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Limit + 1 });
        await using var rows = await command.ExecuteReaderAsync(context.RequestAborted);

        var body = new ArrayBufferWriter<byte>(16 * 1024);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteStartArray("items");
        for (var count = 0; count < Limit && await rows.ReadAsync(context.RequestAborted); count++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", rows.GetInt64(0));
            json.WriteString("title", rows.GetString(7));
            json.WriteString("description", rows.GetString(5));
            json.WriteBoolean("completed", rows.GetBoolean(1));
            WriteTime("deadline", 4);
            WriteTime("created_at", 3);
            WriteTime("updated_at", 8);
            json.WriteNumber("owner_id", rows.GetInt32(6));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = body.WrittenCount;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);

        void WriteTime(string name, int column)
        {
            if (rows.IsDBNull(column))
            {
                json.WriteNull(name);
            }
            else
            {
                json.WriteString(name, rows.GetDateTime(column).ToString(Time, CultureInfo.InvariantCulture));
            }
        }
    }
}
