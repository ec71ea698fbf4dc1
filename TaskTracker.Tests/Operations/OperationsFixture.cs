using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Operations;

/// <summary>One replica of the API and one of the jobs service over one database and one Redis.</summary>
public sealed class OperationsFixture : IAsyncLifetime
{
    public string Database { get; private set; } = "";

    public string Redis { get; private set; } = "";

    public ApiFactory Api { get; private set; } = null!;

    internal JobsHost Host { get; private set; } = null!;

    public IServiceProvider Jobs => Host.Services;

    public async Task InitializeAsync()
    {
        Database = await Servers.CreateDatabaseAsync();
        Redis = await Servers.GetRedisAsync();
        Host = new JobsHost(Database) { Redis = Redis };
        await JobsHost.StartAsync(Host);
        Api = new ApiFactory(Database, Redis);
        await Api.WaitForCacheAsync();
    }

    public async Task DisposeAsync()
    {
        await Api.DisposeAsync();
        await Host.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class OperationTestsCollection : ICollectionFixture<OperationsFixture>
{
    public const string Name = "Operations";
}

/// <summary>What tests of operations ask of the API and of the database.</summary>
internal static class OperationClient
{
    public static async Task<Guid> StartExportAsync(this HttpClient client, string format = "json")
    {
        using var response = await client.PostAsync($"/tasks/export?export_format={format}", null);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);

        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("task_id").GetGuid();
    }

    public static async Task<Guid> StartBulkUpdateAsync(this HttpClient client, IEnumerable<long> ids, object changes)
    {
        using var response = await client.PostAsJsonAsync("/tasks/bulk-update", new { task_ids = ids, update_data = changes });
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);

        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("task_id").GetGuid();
    }

    /// <summary>Waits until the operation has ended.</summary>
    public static async Task<JsonElement> EndOfAsync(this HttpClient client, Guid operation)
    {
        JsonElement status = default;
        await Eventually.TrueAsync($"operation {operation} ends", async () =>
        {
            status = await client.GetFromJsonAsync<JsonElement>($"/operations/{operation}");
            return status.GetProperty("status").GetString() != "pending";
        });

        return status;
    }

    /// <summary>Starts an export, waits for its end and returns its key, which must be there.</summary>
    public static async Task<string> ExportAsync(this HttpClient client, string format = "json")
    {
        var status = await client.EndOfAsync(await client.StartExportAsync(format));
        Assert.Equal("completed", status.GetProperty("status").GetString());

        return status.GetProperty("result").GetProperty("export_key").GetString()!;
    }

    public static async Task<T> QueryAsync<T>(string database, string sql)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public static async Task ExecuteAsync(string database, string sql)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public static Task<long> CountFiringsAsync(string database, Guid operation) =>
        QueryAsync<long>(database, $"select count(*) from qrtz_triggers where trigger_name = 'operation-{operation:N}'");
}
