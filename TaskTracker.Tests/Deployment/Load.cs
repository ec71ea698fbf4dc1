using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>Users who work without a pause, and without trying anything twice.</summary>
internal sealed class Load(Balancer balancer) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<(HttpClient Client, Guid Operation, string Count, int Least)> _operations = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly List<ApiUser> _users = [];
    private Task _working = Task.CompletedTask;
    private int _passed;
    private int _reminders;

    /// <summary>Lets that many users begin.</summary>
    public async Task StartAsync(int users)
    {
        for (var user = 0; user < users; user++)
        {
            _users.Add(await new HttpClient(balancer, disposeHandler: false) { BaseAddress = new Uri("http://balancer") }.SignUpAsync());
        }

        _working = Task.WhenAll(_users.Select(user => Task.Run(() => WorkAsync(user.Client))));
    }

    /// <summary>Waits until that many more requests were answered.</summary>
    public async Task PassAsync(int requests)
    {
        var enough = Volatile.Read(ref _passed) + requests;
        await Eventually.GetAsync($"{requests} requests are answered", s_limit, _ => Task.FromResult(
            Volatile.Read(ref _passed) >= enough || !_failures.IsEmpty ? "enough" : null));
    }

    /// <summary>Ends the load, and fails where a request failed or what was asked for is not done, or done twice.</summary>
    /// <param name="database">The connection string of who may see all rows.</param>
    public async Task AssertAllDoneAsync(string database)
    {
        await _end.CancelAsync();
        await _working;
        Assert.Empty(_failures);

        foreach (var (client, operation, count, least) in _operations)
        {
            var end = await client.EndOfAsync(operation);
            Assert.Equal("completed", end.GetProperty("status").GetString());
            Assert.InRange(end.GetProperty("result").GetProperty(count).GetInt32(), least, count is "updated" ? least : int.MaxValue);
        }

        await Eventually.GetAsync($"{_reminders} reminders go out", s_limit, async _ =>
            await CountRemindersAsync("distinct task_id") == _reminders ? "all" : null);
        Assert.Equal(_reminders, await CountRemindersAsync("*"));

        Task<long> CountRemindersAsync(string what) => OperationClient.QueryAsync<long>(
            database,
            $"select count({what}) from notifications where kind = 'reminder' and owner_id in ({string.Join(',', _users.Select(user => user.Id))})");
    }

    public void Dispose()
    {
        _end.Cancel();
        _users.ForEach(user => user.Client.Dispose());
        _end.Dispose();
    }

    // A round is finished once begun, so that what it started is known.
    private async Task WorkAsync(HttpClient client)
    {
        var count = 0;
        while (!_end.IsCancellationRequested && _failures.IsEmpty)
        {
            // By default the reminder is due one day before: in two seconds.
            var deadline = DateTimeOffset.UtcNow.AddDays(1).AddSeconds(2).ToString("O", CultureInfo.InvariantCulture);
            var task = await AskAsync(HttpStatusCode.Created, () => client.PostAsJsonAsync("/tasks", new { title = "under load", deadline }));
            if (task is not { } created)
            {
                return;
            }

            count++;
            Interlocked.Increment(ref _reminders);
            var id = created.GetProperty("id").GetInt64();
            await AskAsync(HttpStatusCode.OK, () => client.GetAsync("/tasks"));
            await AskAsync(HttpStatusCode.OK, () => client.PutAsJsonAsync($"/tasks/{id}", new { description = "changed" }));
            await AskAsync(HttpStatusCode.OK, () => client.GetAsync($"/tasks/{id}"));
            await AskAsync(HttpStatusCode.OK, () => client.GetAsync("/tasks/statistics"));
            var bulk = await AskAsync(HttpStatusCode.Accepted, () => client.PostAsJsonAsync("/tasks/bulk-update", new { task_ids = new[] { id }, update_data = new { title = "renamed" } }));
            var export = await AskAsync(HttpStatusCode.Accepted, () => client.PostAsync("/tasks/export?export_format=csv", null));
            if (bulk is { } update && export is { } file)
            {
                _operations.Add((client, update.GetProperty("task_id").GetGuid(), "updated", 1));
                // It may run only when the next round has created more.
                _operations.Add((client, file.GetProperty("task_id").GetGuid(), "task_count", count));
            }
        }
    }

    private async Task<JsonElement?> AskAsync(HttpStatusCode expected, Func<Task<HttpResponseMessage>> ask)
    {
        try
        {
            using var answer = await ask();
            var body = await answer.Content.ReadAsStringAsync();
            if (answer.StatusCode == expected)
            {
                Interlocked.Increment(ref _passed);
                return JsonSerializer.Deserialize<JsonElement>(body);
            }

            _failures.Enqueue($"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri}: {(int)answer.StatusCode} {body}");
        }
        catch (HttpRequestException exception)
        {
            _failures.Enqueue(exception.ToString());
        }

        return null;
    }
}
