using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data;
using TaskTracker.Data.Caching;

namespace TaskTracker.Tests.Api;

/// <summary>
/// Writers and readers of the same users at several replicas, at random, and a ledger of what was answered: a title counts
/// up with each write, so whoever asks after a write was answered must see its number at least. No request may fail.
/// </summary>
internal sealed class CacheStorm(IReadOnlyList<ApiFactory> replicas, int seed)
{
    /// <summary>The share of answers that come from the cache at least, with so many writes; a cache that is passed by has none.</summary>
    public const double UsualHits = 0.2;

    private const int Users = 12;
    private const int WorkersPerUser = 4;
    private const int TasksPerWorker = 4;

    private readonly List<StormUser> _users = [];
    private int _operations;
    private int _answers;
    private int _hits;

    /// <summary>Whether an old answer is an error now. What is read during a change of it is not judged.</summary>
    public volatile bool IsStrict = true;

    /// <summary>How many operations have been done.</summary>
    public int Operations => Volatile.Read(ref _operations);

    /// <summary>Whole answers of cached routes so far, and how many of them came from the cache.</summary>
    public (int Answers, int Hits) Seen => (Volatile.Read(ref _answers), Volatile.Read(ref _hits));

    public async Task PrepareAsync()
    {
        for (var number = 0; number < Users; number++)
        {
            var user = await replicas[0].CreateUserAsync();
            _users.Add(new StormUser(user.Id, [user.Client, .. replicas.Skip(1).Select(replica => replica.CreateClient(user))]));
        }
    }

    /// <summary>Storms until it is told to stop, or something was wrong.</summary>
    public async Task RunAsync(Func<bool> goOn)
    {
        var failed = false;
        await Task.WhenAll(
            from user in _users
            from worker in Enumerable.Range(0, WorkersPerUser)
            select Task.Run(async () =>
            {
                try
                {
                    await WorkAsync(user, new Random(HashCode.Combine(seed, user.Number(_users), worker)), () => !Volatile.Read(ref failed) && goOn());
                }
                catch
                {
                    // The others need not go on; the task tells what it was.
                    Volatile.Write(ref failed, true);
                    throw;
                }
            }));
    }

    /// <summary>Asks every replica for everything, twice, so that the second answer may come from the cache.</summary>
    public Task ProveNothingStaleAsync() => Task.WhenAll(_users.Select(async user =>
    {
        var expected = user.Live().ToDictionary(task => task.Id, task => task.Answered);
        foreach (var client in user.Clients.Concat(user.Clients))
        {
            Assert.Equal(expected, Versions((await client.GetFromJsonAsync<JsonElement>("/tasks?limit=200")).GetProperty("items")));
            Assert.Equal(expected, Versions(await client.GetFromJsonAsync<JsonElement>("/tasks/get_tasks")));
            foreach (var (id, version) in expected)
            {
                Assert.Equal(version, Version(await client.GetFromJsonAsync<JsonElement>($"/tasks/{id}")));
            }

            var statistics = await client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
            Assert.Equal(expected.Count, statistics.GetProperty("total_tasks").GetInt32());
            Assert.Equal(expected.Values.Count(IsCompleted), statistics.GetProperty("completed_tasks").GetInt32());
        }
    }));

    private async Task WorkAsync(StormUser user, Random random, Func<bool> goOn)
    {
        // Only this worker writes them, everybody reads them.
        var own = new List<StormTask> { await CreateAsync(user, Client()) };
        var known = new Dictionary<long, (EntityTagHeaderValue Tag, long Version)>();
        while (goOn())
        {
            var dice = random.Next(1000);
            var task = own[random.Next(own.Count)];
            switch (dice)
            {
                case < 15 when own.Count < TasksPerWorker:
                    own.Add(await CreateAsync(user, Client()));
                    break;
                case < 30 when own.Count > 1:
                    own.Remove(task);
                    await DeleteAsync(user, task, Client());
                    break;
                case < 35:
                    await UpdateAllAsync(user, own, replicas[random.Next(replicas.Count)]);
                    break;
                case < 80:
                    await UpdateAsync(task, Client());
                    break;
                default:
                    await ReadAsync(user, Client(), known, random);
                    break;
            }

            Interlocked.Increment(ref _operations);
        }

        HttpClient Client() => user.Clients[random.Next(user.Clients.Count)];
    }

    private static async Task<StormTask> CreateAsync(StormUser user, HttpClient client)
    {
        user.Begin();
        var task = new StormTask(await client.CreateTaskAsync("0"));
        user.Add(task);
        return task;
    }

    private static async Task UpdateAsync(StormTask task, HttpClient client)
    {
        var version = task.Answered + 1;
        using var response = await client.PutAsJsonAsync($"/tasks/{task.Id}", new { title = Title(version), completed = IsCompleted(version) });
        await SucceededAsync(response);
        task.Answered = version;
    }

    // As the jobs service writes: many rows, no request.
    private static async Task UpdateAllAsync(StormUser user, List<StormTask> tasks, ApiFactory replica)
    {
        await using var scope = replica.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        var version = tasks.Max(task => task.Answered) + 1;
        var (ids, title, completed) = (tasks.ConvertAll(task => task.Id), Title(version), IsCompleted(version));
        var updated = await scope.ServiceProvider.GetRequiredService<OwnerTransaction>().RunAsync(
            [user.Id],
            cancellationToken => db.Tasks.Where(task => ids.Contains(task.Id)).ExecuteUpdateAsync(
                set => set.SetProperty(task => task.Title, title).SetProperty(task => task.Completed, completed), cancellationToken),
            CancellationToken.None);
        Assert.Equal(ids.Count, updated);
        tasks.ForEach(task => task.Answered = version);
    }

    private static async Task DeleteAsync(StormUser user, StormTask task, HttpClient client)
    {
        task.IsEnding = true;
        using var response = await client.DeleteAsync($"/tasks/{task.Id}");
        await SucceededAsync(response);
        user.End(task);
    }

    private async Task ReadAsync(
        StormUser user, HttpClient client, Dictionary<long, (EntityTagHeaderValue Tag, long Version)> known, Random random)
    {
        var strict = IsStrict;
        var before = user.Look();
        if (random.Next(10) == 0)
        {
            var statistics = await client.GetFromJsonAsync<JsonElement>("/tasks/statistics");
            var least = before.Live.Count(row => !row.Task.IsEnding);
            var most = user.Begun - before.Ended;
            Judge(statistics.GetProperty("total_tasks").GetInt32() is var total && total >= least && total <= most, $"{total} tasks are not {least} to {most}");
        }
        else if (random.Next(2) == 0 && before.Live.Length > 0)
        {
            await ReadOneAsync(before.Live[random.Next(before.Live.Length)]);
        }
        else
        {
            await ReadManyAsync(random.Next(4) switch { 0 => "/tasks?limit=3", 1 => "/tasks/get_tasks", _ => "/tasks" });
        }

        async Task ReadOneAsync((StormTask Task, long Least) row)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/tasks/{row.Task.Id}");
            if (known.TryGetValue(row.Task.Id, out var has) && random.Next(3) == 0)
            {
                request.Headers.IfNoneMatch.Add(has.Tag);
            }

            using var response = await client.SendAsync(request);
            switch (response.StatusCode)
            {
                case HttpStatusCode.NotFound:
                    Judge(row.Task.IsEnding, $"task {row.Task.Id} is missing");
                    break;
                case HttpStatusCode.NotModified:
                    Judge(has.Version >= row.Least, $"task {row.Task.Id} is said to be at {has.Version} after {row.Least} was answered");
                    break;
                default:
                    await SucceededAsync(response);
                    Count(response);
                    var version = Version(await response.Content.ReadFromJsonAsync<JsonElement>());
                    known[row.Task.Id] = (response.Headers.ETag!, version);
                    Judge(version >= row.Least, $"task {row.Task.Id} is at {version} after {row.Least} was answered");
                    break;
            }
        }

        async Task ReadManyAsync(string url)
        {
            using var response = await client.GetAsync(url);
            await SucceededAsync(response);
            Count(response);
            var json = await response.Content.ReadFromJsonAsync<JsonElement>();
            var isPage = json.ValueKind == JsonValueKind.Object;
            var isWhole = !isPage || json.GetProperty("next_cursor").ValueKind == JsonValueKind.Null;
            var seen = Versions(isPage ? json.GetProperty("items") : json);
            foreach (var (task, least) in before.Live)
            {
                Judge(
                    seen.TryGetValue(task.Id, out var version) ? version >= least : !isWhole || task.IsEnding,
                    $"{url} shows task {task.Id} at {version} after {least} was answered");
            }

            foreach (var id in seen.Keys)
            {
                Judge(!user.HadEnded(id, before.At), $"{url} shows task {id}, which was deleted");
            }
        }

        void Judge(bool isRight, string what) => Assert.True(isRight || !strict || !IsStrict, $"Seed {seed}: {what}.");
    }

    private void Count(HttpResponseMessage response)
    {
        Interlocked.Increment(ref _answers);
        if (response.Headers.Age is not null)
        {
            Interlocked.Increment(ref _hits);
        }
    }

    private static async Task SucceededAsync(HttpResponseMessage response) => Assert.True(
        response.IsSuccessStatusCode,
        response.IsSuccessStatusCode ? "" : $"{response.RequestMessage!.Method} {response.RequestMessage.RequestUri}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");

    private static Dictionary<long, long> Versions(JsonElement tasks) =>
        tasks.EnumerateArray().ToDictionary(task => task.GetProperty("id").GetInt64(), Version);

    private static long Version(JsonElement task) => long.Parse(task.GetProperty("title").GetString()!, CultureInfo.InvariantCulture);

    private static string Title(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static bool IsCompleted(long version) => version % 2 == 1;

    private sealed class StormTask(long id)
    {
        private long _answered;

        public volatile bool IsEnding;

        public long Id => id;

        /// <summary>The last number whose write was answered.</summary>
        public long Answered
        {
            get => Volatile.Read(ref _answered);
            set => Volatile.Write(ref _answered, value);
        }
    }

    private sealed class StormUser(int id, IReadOnlyList<HttpClient> clients)
    {
        private readonly Lock _gate = new();
        private readonly List<StormTask> _live = [];
        private readonly ConcurrentDictionary<long, long> _ended = new();
        private long _moment;
        private int _begun;

        public int Id => id;

        public IReadOnlyList<HttpClient> Clients => clients;

        /// <summary>How many creations have begun.</summary>
        public int Begun => Volatile.Read(ref _begun);

        public int Number(List<StormUser> users) => users.IndexOf(this);

        public void Begin() => Interlocked.Increment(ref _begun);

        public void Add(StormTask task)
        {
            lock (_gate)
            {
                _live.Add(task);
            }
        }

        public void End(StormTask task)
        {
            lock (_gate)
            {
                _live.Remove(task);
                _ended[task.Id] = ++_moment;
            }
        }

        public bool HadEnded(long task, long at) => _ended.TryGetValue(task, out var moment) && moment <= at;

        public List<StormTask> Live()
        {
            lock (_gate)
            {
                return [.. _live];
            }
        }

        /// <summary>What whoever asks from now on must see.</summary>
        public ((StormTask Task, long Least)[] Live, int Ended, long At) Look()
        {
            lock (_gate)
            {
                return ([.. _live.Select(task => (task, task.Answered))], _ended.Count, _moment);
            }
        }
    }
}
