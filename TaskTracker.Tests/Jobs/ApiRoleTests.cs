using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Jobs;

/// <summary>The API as a database user that may read and write rows and nothing else.</summary>
public sealed class ApiRoleTests : IAsyncLifetime
{
    private const string Password = "5d1e0b7c9a3f48e2";

    private string _owner = "";
    private string _api = "";

    public async Task InitializeAsync()
    {
        _owner = await Servers.CreateDatabaseAsync();
        var connection = new NpgsqlConnectionStringBuilder(_owner);
        // Users are the whole server's, which tests share.
        (connection.Username, connection.Password) = ($"{connection.Database}_api", Password);
        _api = connection.ConnectionString;
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task The_api_does_all_its_work_as_that_user()
    {
        await using var jobs = await StartJobsAsync();
        await using var api = new ApiFactory(_api, await Servers.GetRedisAsync());
        await api.WaitForCacheAsync();
        var user = await api.CreateUserAsync();

        var id = await user.Client.CreateTaskAsync("by a modest user", "2099-01-01T00:00:00Z");
        using var changed = await user.Client.PutAsJsonAsync($"/tasks/{id}", new { completed = true });
        var bulk = await user.Client.EndOfAsync(await user.Client.StartBulkUpdateAsync([id], new { title = "renamed" }));
        var export = await user.Client.ExportAsync();
        var file = await user.Client.GetStringAsync($"/exports/{export}");
        var statistics = await user.Client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
        using var refreshed = await user.Client.RefreshAsync(user.RefreshToken);
        using var deleted = await user.Client.DeleteAsync($"/tasks/{id}");
        using var health = await user.Client.GetAsync("/health");

        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.Equal("completed", bulk.GetProperty("status").GetString());
        Assert.Contains("renamed", file, StringComparison.Ordinal);
        Assert.Equal(1, statistics.GetProperty("total_tasks").GetInt32());
        Assert.Equal(HttpStatusCode.OK, refreshed.StatusCode);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    [Theory]
    [InlineData("drop table tasks")]
    [InlineData("alter table tasks add column mine text")]
    [InlineData("truncate tasks")]
    [InlineData("create table mine (id int)")]
    [InlineData("create index on tasks (title)")]
    [InlineData("delete from \"__EFMigrationsHistory\"")]
    [InlineData("create role friend")]
    [InlineData("copy tasks to program 'cat'")]
    [InlineData("select pg_read_file('/etc/passwd')")]
    public async Task That_user_cannot_change_what_is_not_a_row(string statement)
    {
        await using var jobs = await StartJobsAsync();

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => OperationClient.ExecuteAsync(_api, statement));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refusal.SqlState);
    }

    [Fact]
    public async Task A_start_with_another_password_changes_it()
    {
        await using (await StartJobsAsync())
        {
        }

        const string Rotated = "0123456789abcdef";
        await using var jobs = await StartJobsAsync(Rotated);

        var connection = new NpgsqlConnectionStringBuilder(_api) { Pooling = false };
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => OperationClient.ExecuteAsync(connection.ConnectionString, "select 1"));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
        connection.Password = Rotated;
        Assert.Equal(0L, await OperationClient.QueryAsync<long>(connection.ConnectionString, "select count(*) from tasks"));
    }

    [Fact]
    public async Task A_name_that_is_the_owners_own_stops_the_start()
    {
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => StartJobsAsync(name: new NpgsqlConnectionStringBuilder(_owner).Username!));

        Assert.Contains("ApiRole:Name is 'postgres', a user with more rights than the API may have", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_owner_that_may_make_no_users_stops_the_start_with_what_to_do()
    {
        var connection = new NpgsqlConnectionStringBuilder(_owner);
        var modest = $"{connection.Database}_owner";
        await OperationClient.ExecuteAsync(_owner, $"create role {modest} login password '{Password}'; grant all on schema public to {modest}");
        (connection.Username, connection.Password) = (modest, Password);
        _owner = connection.ConnectionString;

        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => StartJobsAsync());

        Assert.Contains("give it CREATEROLE", refusal.Message, StringComparison.Ordinal);
    }

    private async Task<JobsHost> StartJobsAsync(string password = Password, string? name = null)
    {
        var jobs = new JobsHost(_owner)
        {
            Redis = await Servers.GetRedisAsync(),
            Settings = new Dictionary<string, string> { ["ApiRole:Name"] = name ?? new NpgsqlConnectionStringBuilder(_api).Username!, ["ApiRole:Password"] = password },
        };
        try
        {
            await JobsHost.StartAsync(jobs);
            return jobs;
        }
        catch
        {
            // Nobody else knows of it yet.
            await jobs.DisposeAsync();
            throw;
        }
    }
}
