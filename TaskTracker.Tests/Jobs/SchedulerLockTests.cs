using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Jobs;

/// <summary>What a process that stands still holds of what the whole cluster needs.</summary>
public sealed class SchedulerLockTests
{
    [Fact]
    public async Task A_jobs_service_that_stands_still_in_a_transaction_does_not_hold_the_clusters_locks()
    {
        var database = await JobsDatabase.CreateAsync();
        await using var host = new JobsHost(database.ConnectionString);
        await JobsHost.StartAsync(host);

        await AssertLetsGoAsync(host.Services, database.ConnectionString);
    }

    [Fact]
    public async Task An_api_that_stands_still_in_a_transaction_does_not_hold_the_clusters_locks()
    {
        var database = await JobsDatabase.CreateAsync();
        await using var host = new JobsHost(database.ConnectionString);
        await JobsHost.StartAsync(host);
        await using var api = new ApiFactory(database.ConnectionString, "127.0.0.1:1");

        await AssertLetsGoAsync(api.Services, database.ConnectionString);
    }

    private static async Task AssertLetsGoAsync(IServiceProvider services, string database)
    {
        const string Lock = "select from qrtz_locks for update";
        await using var frozen = await services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var begun = await frozen.BeginTransactionAsync();
        await using (var take = new NpgsqlCommand(Lock, frozen))
        {
            await take.ExecuteNonQueryAsync();
        }

        // Ends when the server has ended the session that holds it.
        await using var peer = new NpgsqlConnection($"{database};Command Timeout=60");
        await peer.OpenAsync();
        await using var wait = new NpgsqlCommand(Lock, peer);
        await wait.ExecuteNonQueryAsync();
    }
}
