using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using TaskTracker.Tests.Contract;

namespace TaskTracker.Tests.AppHost;

[Collection(nameof(RunningSystem))]
public sealed class WholeSystemTests(RunningSystem system)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task The_api_answers_healthy_with_every_dependency_named()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = system.App.CreateHttpClient("api", "http");

        // The fixture waits for the first of the replicas only.
        var (health, _) = await Eventually.GetAsync(
            "healthy answer",
            Limit,
            async token =>
            {
                using var answer = await client.GetAsync("/health", token);
                var body = await answer.Content.ReadFromJsonAsync<JsonElement>(token);
                return body.GetProperty("status").GetString() == "healthy" ? Tuple.Create(body, answer.StatusCode) : null;
            });

        foreach (var name in (string[])["database", "redis", "redis_status", "jobs"])
        {
            Assert.True(health.TryGetProperty(name, out _), $"/health does not name '{name}'.");
        }
    }

    [Fact]
    public async Task A_task_with_a_deadline_becomes_a_notification_at_its_reminders_time()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = await system.CreateUserAsync(limit.Token);
        var deadline = DateTimeOffset.UtcNow + RunningSystem.ReminderLeadTime + TimeSpan.FromSeconds(3);

        var task = await CreateTaskAsync(client, "Water the plants", deadline, limit.Token);
        var notification = await NotificationAsync(client, task.GetProperty("id").GetInt64());

        Assert.Equal("reminder", notification.GetProperty("kind").GetString());
        Assert.Equal("Water the plants", notification.GetProperty("title").GetString());
        Assert.True(
            notification.GetProperty("created_at").GetDateTimeOffset() >= deadline - RunningSystem.ReminderLeadTime - TimeSpan.FromMilliseconds(1),
            "The reminder went out before its time.");
    }

    [Fact]
    public async Task The_dashboard_shows_the_request_and_the_delivery_as_linked_traces()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = await system.CreateUserAsync(limit.Token);
        var deadline = DateTimeOffset.UtcNow + RunningSystem.ReminderLeadTime + TimeSpan.FromSeconds(2);

        var task = await CreateTaskAsync(client, "Look at the traces", deadline, limit.Token);
        var id = task.GetProperty("id").GetInt64();
        await NotificationAsync(client, id);

        var (delivery, request) = await Eventually.GetAsync(
            "delivery span with a link to the trace of its request",
            TimeSpan.FromSeconds(30),
            async token =>
            {
                var spans = OtlpJson.Spans(await system.QueryTelemetryAsync("spans?limit=5000", token)).ToList();
                var delivered = spans.FirstOrDefault(span => OtlpJson.Attribute(span, "tasktracker.task.id") == id.ToString(System.Globalization.CultureInfo.InvariantCulture)
                    && span.TryGetProperty("links", out var links) && links.GetArrayLength() > 0);
                if (delivered.ValueKind == JsonValueKind.Undefined)
                {
                    return null;
                }

                var origin = delivered.GetProperty("links")[0].GetProperty("traceId").GetString();
                var asked = spans.FirstOrDefault(span => span.GetProperty("traceId").GetString() == origin
                    && span.GetProperty("name").GetString() == "POST /tasks");
                return asked.ValueKind == JsonValueKind.Undefined ? null : Tuple.Create(delivered, asked);
            });

        Assert.NotEqual(request.GetProperty("traceId").GetString(), delivery.GetProperty("traceId").GetString());
    }

    [Fact]
    public async Task An_export_is_followed_from_its_request_to_its_job_by_a_link_and_by_its_number_in_the_logs()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var client = await system.CreateUserAsync(limit.Token);

        using var started = await client.PostAsync("/tasks/export?export_format=csv", null, limit.Token);
        Assert.Equal(HttpStatusCode.Accepted, started.StatusCode);
        var operation = (await started.Content.ReadFromJsonAsync<JsonElement>(limit.Token)).GetProperty("task_id").GetString()!;

        var (request, run) = await Eventually.GetAsync(
            "the run's span with a link to the trace of its request",
            Limit,
            async token =>
            {
                var spans = OtlpJson.Spans(await system.QueryTelemetryAsync("spans?limit=5000", token)).ToList();
                var ran = spans.FirstOrDefault(span => OtlpJson.Attribute(span, "tasktracker.operation.id") == operation && span.GetProperty("name").GetString() == "export_user_tasks");
                if (ran.ValueKind == JsonValueKind.Undefined)
                {
                    return null;
                }

                var origin = ran.GetProperty("links").EnumerateArray().Single().GetProperty("traceId").GetString();
                var asked = spans.FirstOrDefault(span => span.GetProperty("traceId").GetString() == origin && span.GetProperty("name").GetString() == "POST /tasks/export");
                return asked.ValueKind == JsonValueKind.Undefined ? null : Tuple.Create(asked, ran);
            });
        Assert.NotEqual(TraceOf(request), TraceOf(run));

        await LoggedAsync("api", request);
        await LoggedAsync("jobs", run);

        static string? TraceOf(JsonElement telemetry) => telemetry.GetProperty("traceId").GetString();

        Task LoggedAsync(string service, JsonElement span) => Eventually.GetAsync(
            $"{service} logs the operation within its trace",
            Limit,
            async token => OtlpJson.Logs(await system.QueryTelemetryAsync("logs?limit=5000", token)).Any(log =>
                log.Service == service && OtlpJson.Attribute(log.Record, "Operation") == operation && TraceOf(log.Record) == TraceOf(span)) ? "logged" : null);
    }

    [Fact]
    public async Task Every_row_of_the_contract_holds_with_two_replicas_behind_one_address()
    {
        var rows = new ContractRows(() => system.App.CreateHttpClient("api", "http"), RunningSystem.ReminderLeadTime);
        var failures = new List<string>();

        foreach (var (name, holds) in ContractRows.All)
        {
            try
            {
                await holds(rows).WaitAsync(Limit);
            }
            catch (Exception exception) when (exception is Xunit.Sdk.XunitException or TimeoutException or HttpRequestException or OperationCanceledException)
            {
                failures.Add($"{name}: {exception.Message}");
            }
        }

        Assert.Empty(failures);
    }

    [Fact]
    public async Task Both_replicas_of_each_service_run()
    {
        using var limit = new CancellationTokenSource(Limit);

        foreach (var name in (string[])["api", "jobs"])
        {
            var replicas = new HashSet<string>();
            await foreach (var change in system.App.ResourceNotifications.WatchAsync(limit.Token))
            {
                if (change.Resource.Name == name && change.Snapshot.State?.Text == KnownResourceStates.Running)
                {
                    replicas.Add(change.ResourceId);
                }

                if (replicas.Count == 2)
                {
                    break;
                }
            }

            Assert.Equal(2, replicas.Count);
        }
    }

    [Fact]
    public async Task The_connection_strings_reach_real_servers()
    {
        using var limit = new CancellationTokenSource(Limit);

        var database = await system.App.GetConnectionStringAsync("tasktracker", limit.Token);
        await using var connection = new Npgsql.NpgsqlConnection(database);
        await connection.OpenAsync(limit.Token);
        await using var command = new Npgsql.NpgsqlCommand("select count(*) from tasks", connection);

        Assert.IsType<long>(await command.ExecuteScalarAsync(limit.Token));
        Assert.Contains("password=", await system.App.GetConnectionStringAsync("cache", limit.Token), StringComparison.Ordinal);
    }

    private static async Task<JsonElement> CreateTaskAsync(HttpClient client, string title, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        using var created = await client.PostAsJsonAsync("/tasks", new { title, deadline }, cancellationToken);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        return await created.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    private static async Task<JsonElement> NotificationAsync(HttpClient client, long taskId)
    {
        var found = await Eventually.GetAsync(
            $"notification for task {taskId}",
            TimeSpan.FromSeconds(30),
            async token =>
            {
                var page = await client.GetFromJsonAsync<JsonElement>("/notifications", token);
                foreach (var item in page.GetProperty("items").EnumerateArray())
                {
                    if (item.GetProperty("task_id").GetInt64() == taskId)
                    {
                        return Tuple.Create(item);
                    }
                }

                return null;
            });
        return found.Item1;
    }
}
