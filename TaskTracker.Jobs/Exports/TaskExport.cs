using Microsoft.Extensions.Options;
using Npgsql;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Operations;

namespace TaskTracker.Jobs.Exports;

/// <summary>
/// Writes all tasks of a user into a file of chunks. Tasks pass through one at a time, and while a chunk is written the next one
/// fills: two are held in memory, however many there are. They are all read by one statement, so the file shows one moment.
/// </summary>
internal sealed class TaskExport(
    NpgsqlDataSource database,
    OperationLedger ledger,
    SharedWrites writes,
    OperationTelemetry telemetry,
    IOptions<ExportOptions> options,
    TimeProvider clock) : IOperationWork
{
    public OperationKind Kind => OperationKind.Export;

    public async Task<OperationOutcome> RunAsync(Operation run, Action<int> report, CancellationToken cancellationToken)
    {
        if (run.Attempt > 1)
        {
            await ledger.ClearChunksAsync(run, cancellationToken);
        }

        var input = run.ReadInput<ExportInput>();
        var file = new ChunkBuffer();
        var count = await WriteAsync(run, input.Format, file, report, cancellationToken);

        var key = run.Id.ToString();
        var outcome = new OperationOutcome(
            new ExportResult(key, count, input.Format, $"/exports/{key}"),
            $"{count} tasks exported",
            count,
            clock.GetUtcNow() + options.Value.Lifetime);
        var (number, last) = (file.Number, file.TakeChunk());
        await writes.CompleteAsync(new(run, outcome, number, last));
        telemetry.RecordExportedBytes(last.Length);
        telemetry.RecordExportedTasks(count);

        return outcome;
    }

    /// <summary>Writes the file but for its last chunk, which is left in the buffer.</summary>
    private async Task<long> WriteAsync(Operation run, ExportFormat kind, ChunkBuffer file, Action<int> report, CancellationToken cancellationToken)
    {
        // Read by a connection of its own, as the context would hold all rows in memory to be able to try again.
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var select = new NpgsqlCommand(
            $"select {ExportedTask.Columns} from tasks where owner_id = $1 order by id", connection);
        select.Parameters.AddWithValue(run.OwnerId);
        await using var rows = await select.ExecuteReaderAsync(cancellationToken);
        try
        {
            return await WriteAsync(run, kind, rows, file, report, cancellationToken);
        }
        catch
        {
            // Else closing the reader would first read all rows that are left.
            select.Cancel();
            throw;
        }
    }

    private async Task<long> WriteAsync(
        Operation run, ExportFormat kind, NpgsqlDataReader rows, ChunkBuffer file, Action<int> report, CancellationToken cancellationToken)
    {
        var format = ExportFormats.Create(kind);
        var task = new ExportedTask { OwnerId = run.OwnerId };
        var count = 0L;
        long? expected = null;
        // One at a time: they share a connection, and each tells how far the file has come.
        var writing = Task.CompletedTask;
        try
        {
            format.WriteStart(file);
            while (await rows.ReadAsync(cancellationToken))
            {
                task.Read(rows);
                format.WriteTask(file, task, isFirst: count++ == 0);
                if (file.IsChunkFull)
                {
                    expected ??= await CountAsync(run.OwnerId, cancellationToken);
                    var progress = (int)Math.Min(99, count * 100 / expected.Value);
                    await writing;
                    writing = AddChunkAsync(run, file, progress, report, cancellationToken);
                }
            }

            format.WriteEnd(file, isEmpty: count == 0);
            while (file.Length > ExportChunk.Size)
            {
                await writing;
                writing = AddChunkAsync(run, file, progress: 99, report, cancellationToken);
            }

            await writing;
            return count;
        }
        catch
        {
            // Whoever says how the attempt ended does it over the same connection.
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private async Task AddChunkAsync(Operation run, ChunkBuffer file, int progress, Action<int> report, CancellationToken cancellationToken)
    {
        var number = file.Number;
        var chunk = file.TakeChunk();
        await ledger.AddChunkAsync(run, number, chunk, progress, cancellationToken);
        telemetry.RecordExportedBytes(chunk.Length);
        report(progress);
    }

    // Only for the progress shown, and so only of files that take a while; at least one, for it divides.
    private async Task<long> CountAsync(int owner, CancellationToken cancellationToken)
    {
        await using var count = database.CreateCommand("select count(*) from tasks where owner_id = $1");
        count.Parameters.AddWithValue(owner);
        return Math.Max(1, (long)(await count.ExecuteScalarAsync(cancellationToken))!);
    }
}
