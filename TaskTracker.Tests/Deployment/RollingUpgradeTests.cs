using Npgsql;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>
/// One version takes the place of another under load. Both are this one's output, for a former release cannot be built from a clone
/// without history. What of the later matters to the earlier is its schema, which is expanded by one of everything that
/// <see cref="ExpandOnlyTests"/> lets a migration do.
/// </summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class RollingUpgradeTests(PublishedSystem system)
{
    /// <summary>What a later release's migration may do while the earlier one serves.</summary>
    internal const string Expansion =
        """
        alter table tasks add column if not exists colour text, add column if not exists effort integer not null default 1;
        alter table operations add column if not exists priority integer not null default 0;
        alter table users add column if not exists language varchar(10);
        create index if not exists tasks_colour on tasks (colour);
        create table if not exists task_labels (
            task_id bigint not null references tasks on delete cascade,
            label varchar(50) not null check (label <> ''),
            primary key (task_id, label)
        );
        """;

    private const int Users = 4;
    private const int RequestsBetweenSteps = 150;

    [Fact]
    public async Task An_upgrade_under_load_fails_no_request_and_loses_and_doubles_no_job()
    {
        await using var oldJobs = await system.StartAsync("jobs");
        await using var oldApi = await system.StartAsync("api");
        using var balancer = new Balancer(oldApi);
        using var load = new Load(balancer);
        await load.StartAsync(Users);
        await load.PassAsync(RequestsBetweenSteps);

        await ExpandSchemaAsync();
        await load.PassAsync(RequestsBetweenSteps);

        await using var newJobs = await system.StartAsync("jobs");
        await using var newApi = await system.StartAsync("api");
        balancer.Add(newApi);
        await load.PassAsync(RequestsBetweenSteps);

        var ends = await Task.WhenAll(oldApi.EndAsync(), oldJobs.EndAsync());
        await load.PassAsync(RequestsBetweenSteps);

        await load.AssertAllDoneAsync(system.Servers.Superuser);
        Assert.Equal([0, 0], ends);
        Assert.True(balancer.Answered(oldApi) > RequestsBetweenSteps);
        Assert.True(balancer.Answered(newApi) > RequestsBetweenSteps);
    }

    // As a later jobs service would: under the migrations' lock, recorded, and giving way to requests.
    private Task ExpandSchemaAsync() => Eventually.TrueAsync("the schema is expanded", async () =>
    {
        try
        {
            await OperationClient.ExecuteAsync(
                system.Servers.Database,
                $"""
                begin;
                select pg_advisory_xact_lock(8386110886492924786);
                set local lock_timeout = '500ms';
                {Expansion}
                insert into "__EFMigrationsHistory" values ('29990101000000_Expansion', '10.0.0') on conflict do nothing;
                commit
                """);
            return true;
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.LockNotAvailable)
        {
            return false;
        }
    });
}
