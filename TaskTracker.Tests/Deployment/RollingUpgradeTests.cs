using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Deployment;

/// <summary>
/// One version takes the place of another under load. Both are this one's output; what sets the later apart is what matters to the
/// earlier: its migration, which the earlier does not know, is applied while the earlier serves.
/// </summary>
[Collection(PublishedSystemGroup.Name)]
public sealed class RollingUpgradeTests(PublishedSystem system)
{
    private const int Users = 4;
    private const int RequestsBetweenSteps = 150;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task An_upgrade_under_load_fails_no_request_and_loses_and_doubles_no_job()
    {
        await using var oldJobs = await system.StartAsync("jobs");
        await using var oldApi = await system.StartAsync("api");
        using var balancer = new Balancer(oldApi);
        using var load = new Load(balancer);
        var owners = await load.StartAsync(Users);
        await load.PassAsync(RequestsBetweenSteps);

        await ExpandSchemaAsync();
        await load.PassAsync(RequestsBetweenSteps);

        await using var newJobs = await system.StartAsync("jobs");
        await using var newApi = await system.StartAsync("api");
        balancer.Add(newApi);
        await load.PassAsync(RequestsBetweenSteps);

        var ends = await Task.WhenAll(oldApi.EndAsync(), oldJobs.EndAsync());
        await load.PassAsync(RequestsBetweenSteps);
        var done = await load.StopAsync();

        Assert.Empty(load.Failures);
        Assert.Equal([0, 0], ends);
        Assert.True(balancer.Answered(oldApi) > RequestsBetweenSteps);
        Assert.True(balancer.Answered(newApi) > RequestsBetweenSteps);

        foreach (var (client, operation, count, least) in done.Operations)
        {
            var end = await client.EndOfAsync(operation);
            Assert.Equal("completed", end.GetProperty("status").GetString());
            Assert.InRange(end.GetProperty("result").GetProperty(count).GetInt32(), least, count is "updated" ? least : int.MaxValue);
        }

        var reminded = 0L;
        await Eventually.GetAsync($"{done.Reminders} reminders go out", s_limit, async _ =>
        {
            reminded = await CountAsync("count(distinct task_id)");
            return reminded == done.Reminders ? "all" : null;
        });
        Assert.Equal(reminded, await CountAsync("count(*)"));

        Task<long> CountAsync(string what) => OperationClient.QueryAsync<long>(
            system.Servers.Superuser,
            $"select {what} from notifications where kind = 'reminder' and owner_id in ({string.Join(',', owners)})");
    }

    // As a later jobs service would: under the migrations' lock, and recorded.
    private Task ExpandSchemaAsync() => OperationClient.ExecuteAsync(
        system.Servers.Database,
        """
        begin;
        select pg_advisory_xact_lock(8386110886492924786);
        set local lock_timeout = '5s';
        alter table tasks add column if not exists colour text;
        insert into "__EFMigrationsHistory" values ('29990101000000_Colour', '10.0.0') on conflict do nothing;
        commit
        """);
}

/// <summary>Spreads requests over the replicas that say they are ready, as a load balancer does: it looks five times a second.</summary>
internal sealed class Balancer : HttpMessageHandler
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);

    private readonly SocketsHttpHandler _handler = new();
    private readonly HttpMessageInvoker _invoker;
    private readonly ConcurrentDictionary<PublishedService, (bool IsReady, int Answered)> _replicas = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Task _looking;
    private int _next;

    public Balancer(PublishedService first)
    {
        _invoker = new HttpMessageInvoker(_handler, disposeHandler: true);
        Add(first);
        _looking = LookAsync();
    }

    /// <summary>Sends a replica requests too, from the first look on.</summary>
    public void Add(PublishedService replica) => _replicas[replica] = (true, 0);

    public int Answered(PublishedService replica) => _replicas[replica].Answered;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var ready = _replicas.Where(replica => replica.Value.IsReady).Select(replica => replica.Key).OrderBy(replica => replica.Port).ToList();
        Assert.NotEmpty(ready);
        var replica = ready[(int)((uint)Interlocked.Increment(ref _next) % ready.Count)];
        request.RequestUri = new Uri(replica.Address, request.RequestUri!.PathAndQuery);

        var answer = await _invoker.SendAsync(request, cancellationToken);
        _replicas.AddOrUpdate(replica, _ => default, (_, state) => (state.IsReady, state.Answered + 1));
        return answer;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _end.Cancel();
            _looking.GetAwaiter().GetResult();
            _invoker.Dispose();
            _end.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<bool> IsReadyAsync(PublishedService replica)
    {
        using var question = new HttpRequestMessage(HttpMethod.Get, new Uri(replica.Address, "/health"));
        try
        {
            using var answer = await _invoker.SendAsync(question, _end.Token);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(s_look);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
            {
                await Task.WhenAll(_replicas.Keys.Select(async replica =>
                {
                    var isReady = await IsReadyAsync(replica);
                    _replicas.AddOrUpdate(replica, _ => default, (_, state) => (isReady, state.Answered));
                }));
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Enough looked.
        }
    }
}

/// <summary>Users who work without a pause, and without trying anything twice.</summary>
internal sealed class Load(Balancer balancer) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<(HttpClient Client, Guid Operation, string Count, int Least)> _operations = [];
    private List<HttpClient> _clients = [];
    private Task _working = Task.CompletedTask;
    private int _passed;
    private int _reminders;

    public ConcurrentQueue<string> Failures { get; } = [];

    /// <summary>Lets that many users begin; returns their ids.</summary>
    public async Task<IReadOnlyList<int>> StartAsync(int users)
    {
        var ids = new List<int>();
        for (var user = 0; user < users; user++)
        {
            var client = await DeployedUser.CreateAsync(new HttpClient(balancer, disposeHandler: false) { BaseAddress = new Uri("http://balancer") });
            ids.Add((await client.GetFromJsonAsync<JsonElement>("/auth/me")).GetProperty("id").GetInt32());
            _clients.Add(client);
        }

        _working = Task.WhenAll(_clients.Select(client => Task.Run(() => WorkAsync(client))));
        return ids;
    }

    /// <summary>Waits until that many more requests were answered.</summary>
    public async Task PassAsync(int requests)
    {
        var enough = Volatile.Read(ref _passed) + requests;
        await Eventually.GetAsync($"{requests} requests are answered", s_limit, _ => Task.FromResult(
            Volatile.Read(ref _passed) >= enough || !Failures.IsEmpty ? "enough" : null));
    }

    public async Task<(IReadOnlyCollection<(HttpClient Client, Guid Operation, string Count, int Least)> Operations, int Reminders)> StopAsync()
    {
        await _end.CancelAsync();
        await _working;
        return (_operations, _reminders);
    }

    public void Dispose()
    {
        _end.Cancel();
        _clients.ForEach(client => client.Dispose());
        _clients = [];
        _end.Dispose();
    }

    // A round is finished once begun, so that what it started is known.
    private async Task WorkAsync(HttpClient client)
    {
        var count = 0;
        while (!_end.IsCancellationRequested && Failures.IsEmpty)
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

            Failures.Enqueue($"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri}: {(int)answer.StatusCode} {body}");
        }
        catch (HttpRequestException exception)
        {
            Failures.Enqueue(exception.ToString());
        }

        return null;
    }
}
