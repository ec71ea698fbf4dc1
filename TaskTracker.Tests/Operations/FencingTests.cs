using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using TaskTracker.Data.Operations;
using TaskTracker.Jobs.BulkUpdates;
using TaskTracker.Jobs.Exports;
using TaskTracker.Jobs.Operations;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Operations;

/// <summary>Attempts that overlap, and processes that go away. Each test has a database and replicas of its own.</summary>
public sealed class FencingTests(ITestOutputHelper output) : IAsyncLifetime
{
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task An_attempt_that_was_taken_over_can_write_nothing()
    {
        var id = await AddOperationAsync(OperationKind.Export, new ExportInput(ExportFormat.Csv));
        await using var db = _database.Open();
        var ledger = new OperationLedger(db, TimeProvider.System);
        var stale = (await ledger.BeginAsync(id, "a firing", default))!;
        await ledger.AddChunkAsync(stale, 0, [1], 10, default);

        var current = (await ledger.BeginAsync(id, "a firing", default))!;
        Assert.Equal((1, 2), (stale.Attempt, current.Attempt));
        await ledger.ClearChunksAsync(current, default);

        var outcome = new OperationOutcome(new ExportResult("stale", 0, ExportFormat.Csv, ""), "", 0);
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.AddChunkAsync(stale, 0, [1], 10, default));
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.SaveAsync(stale, 50, "stale", default));
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.CompleteAsync(stale, outcome, default));
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.FailAsync(stale, "stale", default));
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.CancelAsync(stale, default));
        await Assert.ThrowsAsync<TakenOverException>(() => ledger.ReleaseAsync(stale, default));
        Assert.Equal([stale.Id], await ledger.KeepAliveAsync([stale], default));
        await ledger.AddChunkAsync(current, 0, [2], 10, default);
        await ledger.ClearChunksAsync(stale, default);

        Assert.Empty(await ledger.KeepAliveAsync([current], default));
        Assert.Equal([2], (await db.ExportChunks.AsNoTracking().SingleAsync()).Data);
        await ledger.CompleteAsync(current, outcome, default);
        Assert.Null(await ledger.BeginAsync(id, "a firing", default));
    }

    [Fact]
    public async Task An_export_that_lacks_a_piece_of_its_file_is_not_complete()
    {
        var id = await AddOperationAsync(OperationKind.Export, new ExportInput(ExportFormat.Csv));
        await using var db = _database.Open();
        var ledger = new OperationLedger(db, TimeProvider.System);
        var run = (await ledger.BeginAsync(id, "a firing", default))!;
        await ledger.AddChunkAsync(run, 0, [1], 10, default);
        await ledger.AddChunkAsync(run, 1, [2], 20, default);
        var outcome = new OperationOutcome(new ExportResult("key", 3, ExportFormat.Csv, ""), "", 3);

        // As after a crash of the server, which may have forgotten what was written last.
        await _database.ExecuteAsync("delete from export_chunks where chunk_no = 1");
        Assert.Empty(await ledger.CompleteAsync([new FinishedExport(run, outcome, 2, [3])], default));
        Assert.Equal("running", await _database.QueryAsync<string>("select status from operations"));
        Assert.Equal(1, await _database.QueryAsync<long>("select count(*) from export_chunks"));

        await ledger.AddChunkAsync(run, 1, [2], 20, default);
        Assert.Equal([id], await ledger.CompleteAsync([new FinishedExport(run, outcome, 2, [3])], default));
        Assert.Equal(3, await _database.QueryAsync<long>("select count(*) from export_chunks"));
    }

    [Fact]
    public async Task An_attempt_that_clears_its_file_waits_for_one_that_takes_over_and_leaves_that_ones_file_alone()
    {
        var id = await AddOperationAsync(OperationKind.Export, new ExportInput(ExportFormat.Csv));
        await using var db = _database.Open();
        var ledger = new OperationLedger(db, TimeProvider.System);
        var stale = (await ledger.BeginAsync(id, "a firing", default))!;
        await ledger.AddChunkAsync(stale, 0, [1], 10, default);

        await using var taking = _database.Open();
        await using var transaction = await taking.Database.BeginTransactionAsync();
        var current = (await new OperationLedger(taking, TimeProvider.System).BeginAsync(id, "a firing", default))!;
        var clearing = Task.Run(() => ledger.ClearChunksAsync(stale, default));
        await Eventually.TrueAsync("the clearing waits or is done", async () => clearing.IsCompleted || await _database.QueryAsync<bool>(
            "select exists (select from pg_locks where not granted and locktype = 'transactionid')"));
        await transaction.CommitAsync();
        await clearing;

        Assert.Equal(2, current.Attempt);
        Assert.Equal([1], (await db.ExportChunks.AsNoTracking().SingleAsync()).Data);
    }

    [Fact]
    public async Task A_bulk_update_that_was_taken_over_changes_no_task_and_the_next_goes_on_behind_what_is_done()
    {
        await using var host = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(host);
        var tasks = await _database.AddTasksAsync(BulkUpdate.ChunkSize + 1, DateTimeOffset.UtcNow.AddDays(9));
        var id = await AddOperationAsync(
            OperationKind.BulkUpdate, new BulkUpdateInput(tasks, new TaskChanges("changed", null, null, false, null)));
        var stale = await BeginAsync(host, id);
        await using (var holder = new NpgsqlConnection(_database.ConnectionString))
        {
            await holder.OpenAsync();
            await new NpgsqlCommand($"begin; select from tasks where id = {tasks[^1]} for update", holder).ExecuteNonQueryAsync();
            var run = Task.Run(() => RunAsync(host, stale));
            await Eventually.TrueAsync("the first chunk is done", async () => await ChangedAsync() == BulkUpdate.ChunkSize);

            // As if the node were frozen in its second chunk.
            var current = await BeginAsync(host, id);
            await _database.QueryAsync<object>($"update tasks set title = 'newer' where id = {tasks[0]} returning id");
            await holder.CloseAsync();
            await Assert.ThrowsAsync<TakenOverException>(() => run);
            Assert.Equal(BulkUpdate.ChunkSize - 1, await ChangedAsync());

            var outcome = await RunAsync(host, current);
            Assert.Equal(new BulkUpdateResult(tasks.Count, []).Updated, ((BulkUpdateResult)outcome.Result).Updated);
        }

        // Everything is changed once; what its owner did in between stands.
        Assert.Equal(BulkUpdate.ChunkSize, await ChangedAsync());
        Assert.Equal("newer", await _database.QueryAsync<string>($"select title from tasks where id = {tasks[0]}"));

        Task<long> ChangedAsync() => _database.QueryAsync<long>("select count(*) from tasks where title = 'changed'");
    }

    [Fact]
    public async Task What_a_stopped_replica_was_doing_is_done_by_another()
    {
        await using var api = new ApiFactory(_database.ConnectionString, "127.0.0.1:1");
        var first = new JobsHost(_database.ConnectionString);
        await using var second = new JobsHost(_database.ConnectionString);
        await JobsHost.StartAsync(first);
        var user = await api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("held");
        await using var holder = new NpgsqlConnection(_database.ConnectionString);
        await holder.OpenAsync();
        await new NpgsqlCommand($"begin; select from tasks where id = {task} for update", holder).ExecuteNonQueryAsync();
        var id = await user.Client.StartBulkUpdateAsync([task], new { completed = true });
        await Eventually.TrueAsync("the job waits", async () => await AttemptAsync(id) == 1);

        await first.DisposeAsync();
        Assert.Equal("running", await _database.QueryAsync<string>($"select status from operations where id = '{id}'"));
        await JobsHost.StartAsync(second);
        await Eventually.TrueAsync("another has begun", async () => await AttemptAsync(id) == 2);
        await holder.CloseAsync();

        Assert.Equal("completed", (await user.Client.EndOfAsync(id)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_waiting_operation_is_cancelled_at_once_and_leaves_the_queue()
    {
        await using (var host = new JobsHost(_database.ConnectionString))
        {
            await JobsHost.StartAsync(host);
        }

        await using var api = new ApiFactory(_database.ConnectionString, "127.0.0.1:1");
        var user = await api.CreateUserAsync();
        var id = await user.Client.StartExportAsync();
        Assert.Equal(1, await OperationClient.CountFiringsAsync(_database.ConnectionString, id));

        using var response = await user.Client.DeleteAsync($"/operations/{id}");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("cancelled", (await user.Client.EndOfAsync(id)).GetProperty("status").GetString());
        Assert.Equal(0, await OperationClient.CountFiringsAsync(_database.ConnectionString, id));
    }

    [Fact]
    public async Task Without_the_jobs_service_nothing_is_promised()
    {
        await using var api = new ApiFactory(_database.ConnectionString, "127.0.0.1:1");
        var user = await api.CreateUserAsync();

        using var response = await user.Client.PostAsync("/tasks/export", null);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
    }

    [Fact]
    public async Task A_large_export_passes_through_chunk_by_chunk()
    {
        const int Count = 200_000;
        await _database.QueryAsync<object>(
            $"""
            with added as (
                insert into tasks (owner_id, title, description, completed, created_at, updated_at)
                select {_database.OwnerId}, 'task ' || i, repeat('x', 200), false, now(), now() from generate_series(1, {Count}) i
                returning 1)
            select count(*) from added
            """);
        var id = await AddOperationAsync(OperationKind.Export, new ExportInput(ExportFormat.Ndjson));
        await using var db = _database.Open();
        await using var database = NpgsqlDataSource.Create(_database.ConnectionString);
        var ledger = new OperationLedger(db, TimeProvider.System);
        var run = (await ledger.BeginAsync(id, "a firing", default))!;
        await using var services = new ServiceCollection().AddMetrics()
            .AddScoped(_ => _database.Open()).AddScoped<OperationLedger>().AddSingleton<SharedWrites>().AddSingleton(TimeProvider.System).BuildServiceProvider();
        var telemetry = new OperationTelemetry(services.GetRequiredService<IMeterFactory>());
        var export = new TaskExport(database, ledger, services.GetRequiredService<SharedWrites>(), telemetry, Options.Create(new ExportOptions()), TimeProvider.System);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;
        var reports = new List<int>();

        var outcome = await export.RunAsync(run, progress =>
        {
            reports.Add(progress);
            if (reports.Count % 10 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }, default);

        var bytes = await _database.QueryAsync<long>("select sum(octet_length(data)) from export_chunks");
        output.WriteLine($"{bytes / 1e6:0} MB in {reports.Count + 1} chunks, at most {most / 1e6:0.0} MB alive above the start");
        Assert.Equal(Count, outcome.Count);
        Assert.Equal((bytes + ExportChunk.Size - 1) / ExportChunk.Size, await _database.QueryAsync<long>("select count(*) from export_chunks"));
        Assert.Equal(reports.Order(), reports);
        Assert.True(reports.Count >= bytes / ExportChunk.Size - 1);
    }

    private async Task<Guid> AddOperationAsync<TInput>(OperationKind kind, TInput input)
    {
        await using var db = _database.Open();
        var operation = new Operation
        {
            Id = Guid.NewGuid(),
            OwnerId = _database.OwnerId,
            Kind = kind,
            Input = System.Text.Json.JsonSerializer.Serialize(input, OperationJson.Options),
            CreatedAt = DateTimeOffset.UtcNow,
            SeenAt = DateTimeOffset.UtcNow,
        };
        db.Operations.Add(operation);
        await db.SaveChangesAsync();

        return operation.Id;
    }

    private Task<int> AttemptAsync(Guid id) => _database.QueryAsync<int>($"select attempt from operations where id = '{id}'");

    private static async Task<Operation> BeginAsync(JobsHost host, Guid id)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return (await scope.ServiceProvider.GetRequiredService<OperationLedger>().BeginAsync(id, "a firing", default))!;
    }

    private static async Task<OperationOutcome> RunAsync(JobsHost host, Operation run)
    {
        await using var scope = host.Services.CreateAsyncScope();
        return await scope.ServiceProvider.GetRequiredService<BulkUpdate>().RunAsync(run, _ => { }, default);
    }
}
