using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using TaskTracker.Api.Operators;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Operators;

/// <summary>One replica of the API and one of the jobs service, which operators may pause, and a cache that they may clear.</summary>
public sealed class OperatorsFixture : IAsyncLifetime
{
    public const string Key = "a key of at least thirty-two characters";

    private RedisForTests? _redis;

    public string Database { get; private set; } = "";

    public ApiFactory Api { get; private set; } = null!;

    /// <summary>A client that holds the operator key.</summary>
    public HttpClient Admin { get; private set; } = null!;

    internal JobsHost Jobs { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Database = await Servers.CreateDatabaseAsync();
        _redis = await Servers.StartRedisAsync();
        Jobs = new JobsHost(Database) { Redis = _redis.ConnectionString };
        await JobsHost.StartAsync(Jobs);
        Api = new ApiFactory(Database, _redis.ConnectionString, settings: new Dictionary<string, string> { ["Operations:Key"] = Key });
        await Api.WaitForCacheAsync();
        Admin = Api.CreateClient();
        Admin.DefaultRequestHeaders.Add(OperatorKey.Header, Key);
    }

    public async Task DisposeAsync()
    {
        Admin.Dispose();
        await Api.DisposeAsync();
        await Jobs.DisposeAsync();
        _redis!.Dispose();
    }

    /// <summary>A new user whom the command has given a role.</summary>
    public async Task<ApiUser> CreateOperatorAsync(string role)
    {
        var user = await Api.CreateUserAsync();
        Assert.Equal(0, (await CommandAsync(Database, "grant", user.Name, role)).Code);

        return user;
    }

    /// <summary>Runs <c>operators …</c> on a database.</summary>
    public static async Task<(int Code, string Output, string Error)> CommandAsync(string database, params string[] words)
    {
        await using var output = new StringWriter();
        await using var error = new StringWriter();
        var code = await OperatorsCommand.RunAsync([OperatorsCommand.Name, .. words, $"--ConnectionStrings:tasktracker={database}"], output, error);

        return (code, output.ToString(), error.ToString());
    }

    internal Task<T> QueryAsync<T>(string sql) => OperationClient.QueryAsync<T>(Database, sql);

    /// <summary>A transaction that keeps what <paramref name="sql"/> locks until it is disposed.</summary>
    internal async Task<NpgsqlConnection> HoldAsync(string sql)
    {
        var connection = new NpgsqlConnection(Database);
        await connection.OpenAsync();
        await new NpgsqlCommand($"begin; {sql}", connection).ExecuteNonQueryAsync();

        return connection;
    }

    /// <summary>Waits until a run of a job is under way, and returns it.</summary>
    internal Task<JsonElement> RunningAsync(string job) => FirstAsync($"a run of {job}", "/ops/running", run => run.GetProperty("job").GetString() == job);

    /// <summary>Waits until a list has what is asked for.</summary>
    internal async Task<JsonElement> FirstAsync(string what, string url, Func<JsonElement, bool> wanted)
    {
        JsonElement found = default;
        await Eventually.TrueAsync(what, async () =>
        {
            found = (await Admin.ItemsAsync(url)).FirstOrDefault(wanted);
            return found.ValueKind != JsonValueKind.Undefined;
        });

        return found;
    }
}

[CollectionDefinition(Name)]
public sealed class OperatorTestsCollection : ICollectionFixture<OperatorsFixture>
{
    public const string Name = "Operators";
}

internal static class OperatorClient
{
    public static async Task<List<JsonElement>> ItemsAsync(this HttpClient client, string url) =>
        [.. (await client.GetFromJsonAsync<JsonElement>(url)).GetProperty("items").EnumerateArray()];

    /// <summary>Acts, and expects a status; returns the answer.</summary>
    public static async Task<JsonElement> ActAsync(this HttpClient client, string url, HttpStatusCode expected, object? body = null)
    {
        using var response = await client.PostAsync(url, body is null ? null : JsonContent.Create(body));
        Assert.Equal(expected, response.StatusCode);

        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
