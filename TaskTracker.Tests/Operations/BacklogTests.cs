using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Quartz;
using Quartz.Impl.AdoJobStore;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;
using TaskTracker.Jobs.Operations;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Operations;

/// <summary>How PostgreSQL finds what is to be done while much waits, and while its statistics are still those of a queue that was empty.</summary>
public sealed class BacklogTests : IAsyncLifetime
{
    private const int Waiting = 2_000;
    private const string Session = "Options=" + DataServices.QueueSession;

    private JobsDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _database = await JobsDatabase.CreateAsync();
        // It brings Quartz's tables and the jobs.
        await using (var host = new JobsHost(_database.ConnectionString))
        {
            await JobsHost.StartAsync(host);
        }

        await _database.ExecuteAsync(
            $$"""
            alter table qrtz_triggers set (autovacuum_enabled = false);
            alter table operations set (autovacuum_enabled = false);
            -- A moment at which everything that is stored is due.
            update qrtz_triggers set next_fire_time = 1000000, misfire_instr = -1, trigger_state = 'WAITING';
            """);
        await QueueAsync();
        // What is left of a backlog keeps its tables and indexes as large as they were: then they look empty, however much waits.
        await _database.ExecuteAsync(
            """
            delete from qrtz_triggers where trigger_name like 'operation-%' and ctid < (select max(ctid) from qrtz_triggers);
            delete from operations where not exists (select from qrtz_triggers where trigger_name = 'operation-' || replace(id::text, '-', ''));
            """);
        await _database.ExecuteAsync("vacuum analyze qrtz_triggers, operations");
        await QueueAsync();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task However_much_waits_the_oldest_are_read_in_the_order_of_an_index_and_the_rest_is_not()
    {
        var plans = new CommandPlans();

        await using (var db = _database.Open(Session, plans))
        {
            Assert.Equal(3, (await new OperationLedger(db, TimeProvider.System).TakeAsync(OperationKind.Export, ["one", "two", "three"], default)).Count);
        }

        var plan = await plans.ExplainAsync($"{_database.ConnectionString};{Session}");
        Assert.Contains("idx_qrtz_t_nft_st", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Sort", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("operations_open", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task However_much_waits_the_trigger_of_each_silent_operation_is_looked_up_by_its_key()
    {
        await _database.ExecuteAsync("delete from qrtz_triggers where trigger_name in (select 'operation-' || replace(id::text, '-', '') from operations limit 5)");
        var plans = new CommandPlans();

        await using (var db = _database.Open(Session, plans))
        {
            Assert.Equal(5, (await new OperationLedger(db, TimeProvider.System).FindLostAsync(DateTimeOffset.UtcNow - OperationWatch.Silence, 100, default)).Count);
        }

        var plan = await plans.ExplainAsync($"{_database.ConnectionString};{Session}");
        Assert.Contains("qrtz_triggers_pkey", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Join Filter: (qrtz_triggers.trigger_name", plan, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task However_much_waits_a_look_for_what_is_due_reads_no_more_of_it_than_the_node_may_run(int free)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration[$"ConnectionStrings:{DataServices.ConnectionName}"] = _database.ConnectionString;
        builder.AddSchedulerCluster(ownsSchema: false);
        using var host = builder.Build();
        // As in the API: it has a store and never starts.
        await host.Services.GetRequiredService<ISchedulerFactory>().GetScheduler();
        await using var connection = await host.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        using var holder = new ConnectionAndTransactionHolder(connection, null);

        var due = await host.Services.GetRequiredService<IDriverDelegate>().SelectTriggersToAcquire(holder, new()
        {
            NoLaterThan = DateTimeOffset.UtcNow,
            NoEarlierThan = DateTimeOffset.MinValue,
            MaxCount = 32,
            ExecutionLimits = ExecutionLimitsBuilder.Create().ForGroup(OperationTriggers.ExecutionGroup, free).Build(),
            LiveNodeCutoff = DateTimeOffset.MinValue,
        });

        Assert.DoesNotContain(due, trigger => trigger.ExecutionGroupAtLimit);
        Assert.Equal(free, due.Count(trigger => trigger.ExecutionGroup == OperationTriggers.ExecutionGroup));
        Assert.Equal(free == 0, due.Any(trigger => trigger.ExecutionGroup is null));
    }

    private Task QueueAsync() => _database.ExecuteAsync(
        $$"""
        with stored as (
            insert into operations (id, owner_id, kind, status, progress, input, attempt, created_at, seen_at)
            select gen_random_uuid(), {{_database.OwnerId}}, 'export', 'pending', 0, '{"format":"csv"}', 0, now() - interval '1 hour', now() - interval '1 hour'
            from generate_series(1, {{Waiting}})
            returning id
        )
        insert into qrtz_triggers (sched_name, trigger_name, trigger_group, job_name, job_group, next_fire_time, priority, trigger_state, trigger_type, start_time, misfire_instr, execution_group)
        select 'tasktracker', 'operation-' || replace(id::text, '-', ''), '{{JobKeys.ExportUserTasks.Name}}', '{{JobKeys.ExportUserTasks.Name}}', '{{JobKeys.Group}}',
            row_number() over (), 5, 'WAITING', 'SIMPLE', 0, -1, '{{OperationTriggers.ExecutionGroup}}'
        from stored
        """);
}
