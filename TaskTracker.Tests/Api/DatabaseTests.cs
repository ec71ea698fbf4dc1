using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using JobsHost = TaskTracker.Tests.Jobs.JobsHost;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class DatabaseTests(ApiFixture api)
{
    [Fact]
    public async Task While_the_database_refuses_connections_the_answer_is_503_within_seconds_and_afterwards_all_is_well()
    {
        var database = await ApiFactory.CreateDatabaseAsync();
        await using var factory = new ApiFactory(database, api.Redis);
        var user = await factory.CreateUserAsync();
        var name = new NpgsqlConnectionStringBuilder(database).Database;

        await AdministerAsync($"alter database {name} with allow_connections false", $"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        var begun = Stopwatch.GetTimestamp();
        using var read = await user.Client.GetAsync("/tasks");
        using var write = await user.Client.PostAsJsonAsync("/tasks", new { title = "a" });
        var took = Stopwatch.GetElapsedTime(begun);
        await Eventually.TrueAsync("health says so", async () =>
        {
            using var health = await user.Client.GetAsync("/health");
            return health.StatusCode == HttpStatusCode.ServiceUnavailable
                && (await health.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("database").GetString() == "disconnected";
        });

        Assert.Equal(HttpStatusCode.ServiceUnavailable, read.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, write.StatusCode);
        Assert.Equal("application/problem+json", write.Content.Headers.ContentType?.MediaType);
        Assert.NotNull(write.Headers.RetryAfter);
        Assert.True(took < TimeSpan.FromSeconds(20), $"{took}");

        await AdministerAsync($"alter database {name} with allow_connections true");
        await Eventually.TrueAsync("writes succeed again", async () =>
        {
            using var response = await user.Client.PostAsJsonAsync("/tasks", new { title = "b" });
            return response.StatusCode == HttpStatusCode.Created;
        });

        async Task AdministerAsync(params string[] statements)
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Database = "postgres" }.ConnectionString);
            await connection.OpenAsync();
            foreach (var statement in statements)
            {
                await new NpgsqlCommand(statement, connection).ExecuteNonQueryAsync();
            }
        }
    }

    [Fact]
    public async Task A_database_that_never_answers_holds_a_request_for_seconds_only()
    {
        // Accepts connections and says nothing.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var port = ((IPEndPoint)silent.LocalEndpoint).Port;
        await using var factory = new ApiFactory($"Host=127.0.0.1;Port={port};Username=a;Password=b;Database=c", api.Redis);
        using var client = factory.CreateClient();

        var begun = Stopwatch.GetTimestamp();
        using var response = await client.LogInAsync("anybody");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.True(Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Alone_on_an_empty_database_it_starts_without_an_error_in_its_log()
    {
        var log = new Log();
        await using var factory = new ApiFactory(await Servers.CreateDatabaseAsync(), api.Redis, services: services => services.AddSingleton<ILoggerProvider>(log));
        using var client = factory.CreateClient();

        using var health = await client.GetAsync("/health");
        using var refused = await client.LogInAsync("anybody");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.DoesNotContain(log.Entries, entry => !entry.Contains("HealthChecks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Health_tells_whether_a_jobs_service_runs_or_fell_silent()
    {
        var database = await Servers.CreateDatabaseAsync();
        await using var factory = new ApiFactory(database, api.Redis);
        using var client = factory.CreateClient();
        var jobs = new JobsHost(database);
        await JobsHost.StartAsync(jobs);

        await IsAsync("running");
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var read = new NpgsqlCommand("select max(last_checkin_time) from qrtz_scheduler_state", connection);
        var checkedIn = new DateTimeOffset((long)(await read.ExecuteScalarAsync())!, TimeSpan.Zero);
        Assert.InRange(checkedIn, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        await jobs.DisposeAsync();

        // As a node that was killed leaves it.
        await using var insert = new NpgsqlCommand(
            """
            delete from qrtz_scheduler_state;
            insert into qrtz_scheduler_state (sched_name, instance_name, last_checkin_time, checkin_interval) values ('tasktracker', 'dead', @then, 2000)
            """,
            connection);
        insert.Parameters.Add(new("then", DateTimeOffset.UtcNow.AddMinutes(-5).UtcTicks));
        await insert.ExecuteNonQueryAsync();
        await IsAsync("stale");

        Task IsAsync(string state) => Eventually.TrueAsync($"jobs are {state}", async () =>
        {
            using var health = await client.GetAsync("/health");
            return (await health.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("jobs").GetString() == state;
        });
    }

    private sealed class Log : ILoggerProvider
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Entries { get; } = [];

        public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

        public void Dispose()
        {
        }

        private sealed class Category(Log log, string name) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel))
                {
                    log.Entries.Enqueue($"{name}: {formatter(state, exception)}");
                }
            }
        }
    }
}
