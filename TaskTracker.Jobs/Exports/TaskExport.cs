using Microsoft.Extensions.Options;
using Npgsql;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Tasks;
using TaskTracker.Jobs.Operations;

namespace TaskTracker.Jobs.Exports;

/// <summary>
/// Writes all tasks of a user into a file of chunks. Tasks pass through one at a time and one chunk is held in memory,
/// however many there are; they are all read by one statement, so the file shows one moment.
/// </summary>
internal sealed class TaskExport(
    NpgsqlDataSource database, OperationLedger ledger, OperationTelemetry telemetry, IOptions<ExportOptions> options, TimeProvider clock) : IOperationWork
{
    public async Task<OperationOutcome> RunAsync(Operation run, Action<int> report, CancellationToken cancellationToken)
    {
        var input = run.ReadInput<ExportInput>();
        await ledger.ClearChunksAsync(run, cancellationToken);

        // Read by a connection of its own, as the context would hold all rows in memory to be able to try again.
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var expected = await CountAsync(connection, run.OwnerId, cancellationToken);
        await using var select = new NpgsqlCommand(
            """
            select id, title, description, completed, deadline, created_at, updated_at
            from tasks where owner_id = $1 order by id
            """,
            connection)
        {
            Parameters = { new() { Value = run.OwnerId } },
        };
        await using var rows = await select.ExecuteReaderAsync(cancellationToken);
        long count;
        try
        {
            count = await WriteAsync(run, input.Format, rows, expected, report, cancellationToken);
        }
        catch
        {
            // Else closing the reader would first read all rows that are left.
            select.Cancel();
            throw;
        }

        var key = run.Id.ToString();
        return new OperationOutcome(
            new ExportResult(key, count, input.Format, $"/exports/{key}"),
            $"{count} tasks exported",
            count,
            clock.GetUtcNow() + options.Value.Lifetime);
    }

    private async Task<long> WriteAsync(
        Operation run, ExportFormat kind, NpgsqlDataReader rows, long expected, Action<int> report, CancellationToken cancellationToken)
    {
        var format = ExportFormats.Create(kind);
        var file = new ChunkBuffer();
        var count = 0L;
        format.WriteStart(file);
        while (await rows.ReadAsync(cancellationToken))
        {
            format.WriteTask(file, ReadTask(rows, run.OwnerId), isFirst: count++ == 0);
            if (file.IsChunkFull)
            {
                var progress = (int)Math.Min(99, count * 100 / expected);
                await AddChunkAsync(run, file, progress, cancellationToken);
                report(progress);
            }
        }

        format.WriteEnd(file, isEmpty: count == 0);
        while (file.Length > 0)
        {
            await AddChunkAsync(run, file, progress: 99, cancellationToken);
        }

        telemetry.RecordExportedTasks(count);
        return count;
    }

    private async Task AddChunkAsync(Operation run, ChunkBuffer file, int progress, CancellationToken cancellationToken)
    {
        var number = file.Number;
        var chunk = file.TakeChunk();
        await ledger.AddChunkAsync(run, number, chunk, progress, cancellationToken);
        telemetry.RecordExportedBytes(chunk.Length);
    }

    // Only for the progress shown; at least one, for it divides.
    private static async Task<long> CountAsync(NpgsqlConnection connection, int owner, CancellationToken cancellationToken)
    {
        await using var count = new NpgsqlCommand("select count(*) from tasks where owner_id = $1", connection) { Parameters = { new() { Value = owner } } };
        return Math.Max(1, (long)(await count.ExecuteScalarAsync(cancellationToken))!);
    }

    private static TaskItem ReadTask(NpgsqlDataReader row, int owner) => new()
    {
        Id = row.GetInt64(0),
        OwnerId = owner,
        Title = row.GetString(1),
        Description = row.GetString(2),
        Completed = row.GetBoolean(3),
        Deadline = row.IsDBNull(4) ? null : row.GetFieldValue<DateTimeOffset>(4),
        CreatedAt = row.GetFieldValue<DateTimeOffset>(5),
        UpdatedAt = row.GetFieldValue<DateTimeOffset>(6),
    };
}
