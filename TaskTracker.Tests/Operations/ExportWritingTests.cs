using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.Exports;
using TaskTracker.Jobs.Operations;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Operations;

/// <summary>A chunk of a file is written while the next one fills: it ends as if they took turns.</summary>
public sealed class ExportWritingTests : IAsyncLifetime
{
    private const int LongDescription = 10_000;
    private const int BadChunk = 3;

    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_file_that_ends_about_where_a_chunk_ends_is_whole(int more)
    {
        const int Chunks = 2;
        const int Length = Chunks * ExportChunk.Size;
        // Of the same task with and without a description.
        await AddTasksAsync(first: 1_000_000, count: 1, description: 0);
        var empty = (await FileAsync(await ExportAsync())).Length;
        var (count, rest) = Math.DivRem(Length + more - empty, empty + LongDescription);
        await AddTasksAsync(first: 1_000_001, count, LongDescription);
        await AddTasksAsync(first: 2_000_000, count: 1, description: rest - empty);
        await _database.ExecuteAsync("truncate export_chunks");

        var file = await FileAsync(await ExportAsync());

        Assert.Equal(Length + more, file.Length);
        var lines = Encoding.UTF8.GetString(file).Split('\n');
        Assert.Equal("", lines[^1]);
        Assert.Equal(
            [.. Enumerable.Range(1_000_000, count + 1), 2_000_000],
            lines[..^1].Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetInt32()));
        // The end of an export is written with its last piece, but no piece without a byte.
        Assert.Equal(more > 0 ? Chunks + 1 : Chunks, await _database.QueryAsync<long>("select count(*) from export_chunks"));
    }

    [Fact]
    public async Task A_chunk_that_cannot_be_written_fails_the_export_and_nothing_of_the_file_is_left()
    {
        await AddTasksAsync(first: 1_000_000, count: 1_000, LongDescription);
        await _database.ExecuteAsync(
            $"""
            create function refuse() returns trigger language plpgsql as $body$ begin raise exception 'the disk is full'; end $body$;
            create trigger refuse before insert on export_chunks for each row when (new.chunk_no = {BadChunk}) execute function refuse();
            """);
        await using var db = _database.Open();
        var run = await BeginAsync();
        var reports = 0;

        var failure = await Assert.ThrowsAsync<PostgresException>(() => RunAsync(db, run, _ => reports++, default));

        Assert.Equal("the disk is full", failure.MessageText);
        Assert.Equal(BadChunk, reports);
        Assert.Equal(BadChunk, await _database.QueryAsync<long>("select count(*) from export_chunks"));
        Assert.Equal("running", await StatusAsync(run.Id));
        await new OperationLedger(db, TimeProvider.System).FailAsync(run, "as the runner says", default);
        Assert.Equal("failed", await StatusAsync(run.Id));
        Assert.Equal(0, await _database.QueryAsync<long>("select count(*) from export_chunks"));
    }

    [Fact]
    public async Task An_export_that_is_cancelled_while_a_chunk_is_written_ends_the_write_before_itself()
    {
        await AddTasksAsync(first: 1_000_000, count: 1_000, LongDescription);
        await using var db = _database.Open();
        var run = await BeginAsync();
        await using var holder = new NpgsqlConnection(_database.ConnectionString);
        await holder.OpenAsync();
        await new NpgsqlCommand($"begin; insert into export_chunks (operation_id, chunk_no, data) values ('{run.Id}', {BadChunk}, '')", holder).ExecuteNonQueryAsync();
        using var cancelling = new CancellationTokenSource();
        var exporting = Task.Run(() => RunAsync(db, run, _ => { }, cancelling.Token));
        await Eventually.TrueAsync("the write of a chunk waits", async () => await WaitingAsync() == 1);

        await cancelling.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exporting);
        Assert.Equal(0, await WaitingAsync());
        Assert.Equal(BadChunk, await _database.QueryAsync<long>("select count(*) from export_chunks"));
        await holder.CloseAsync();
        await new OperationLedger(db, TimeProvider.System).CancelAsync(run, default);
        Assert.Equal("cancelled", await StatusAsync(run.Id));
        Assert.Equal(0, await _database.QueryAsync<long>("select count(*) from export_chunks"));

        Task<long> WaitingAsync() => _database.QueryAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%into export_chunks%'");
    }

    private Task<string> StatusAsync(Guid operation) => _database.QueryAsync<string>($"select status from operations where id = '{operation}'");

    /// <summary>Adds tasks that are alike in everything but their numbers, which are all of one length.</summary>
    private Task AddTasksAsync(int first, int count, int description) => _database.ExecuteAsync(
        $"""
        insert into tasks (id, owner_id, title, description, completed, created_at, updated_at)
        select {first} + i, {_database.OwnerId}, 'task', repeat('x', {description}), false, now(), now() from generate_series(0, {count} - 1) i
        """);

    private async Task<Operation> BeginAsync()
    {
        await using var db = _database.Open();
        var operation = new Operation
        {
            Id = Guid.NewGuid(),
            OwnerId = _database.OwnerId,
            Kind = OperationKind.Export,
            Status = OperationStatus.Running,
            Attempt = 1,
            Input = JsonSerializer.Serialize(new ExportInput(ExportFormat.Ndjson), OperationJson.Options),
            CreatedAt = DateTimeOffset.UtcNow,
            SeenAt = DateTimeOffset.UtcNow,
        };
        db.Operations.Add(operation);
        await db.SaveChangesAsync();

        return operation;
    }

    private async Task<Guid> ExportAsync()
    {
        await using var db = _database.Open();
        var run = await BeginAsync();
        await RunAsync(db, run, _ => { }, default);

        return run.Id;
    }

    private async Task RunAsync(TaskTrackerDbContext db, Operation run, Action<int> report, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(_database.ConnectionString);
        await using var services = new ServiceCollection()
            .AddMetrics().AddSingleton(TimeProvider.System).AddScoped(_ => _database.Open()).AddScoped<OperationLedger>().BuildServiceProvider();
        var export = new TaskExport(
            database,
            new OperationLedger(db, TimeProvider.System),
            new SharedWrites(services.GetRequiredService<IServiceScopeFactory>()),
            new OperationTelemetry(services.GetRequiredService<IMeterFactory>()),
            Options.Create(new ExportOptions()),
            TimeProvider.System);
        await export.RunAsync(run, report, cancellationToken);
    }

    private async Task<byte[]> FileAsync(Guid export)
    {
        await using var db = _database.Open();
        var chunks = await db.ExportChunks.Where(chunk => chunk.OperationId == export).OrderBy(chunk => chunk.ChunkNo).Select(chunk => chunk.Data).ToListAsync();
        return [.. chunks.SelectMany(chunk => chunk)];
    }
}
