using Npgsql;

namespace TaskTracker.Tests.LocalServices;

public sealed class ServersTests
{
    [Fact]
    public async Task Each_database_is_new_and_empty()
    {
        await using var first = NpgsqlDataSource.Create(await Servers.CreateDatabaseAsync());
        await using var second = NpgsqlDataSource.Create(await Servers.CreateDatabaseAsync());

        await using (var create = first.CreateCommand("CREATE TABLE tasks (id int)"))
        {
            await create.ExecuteNonQueryAsync();
        }

        await using var tables = second.CreateCommand("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
        Assert.Equal(0L, await tables.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_redis_of_ones_own_can_be_stopped_and_started_again()
    {
        using var redis = await Servers.StartRedisAsync();

        redis.Stop();
        await redis.StartAsync();

        Assert.NotEqual(await Servers.GetRedisAsync(), redis.ConnectionString);
    }
}
