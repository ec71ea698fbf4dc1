using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Chaos;

/// <summary>Replicas of the jobs service that die in the middle of everything.</summary>
[Collection(ChaosTests.Name)]
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Users = 10;
    private const int TasksEach = 2_000;
    private const int OperationsEach = 20;
    private const int TasksOfUpdate = TasksEach / OperationsEach;

    // With these an update has more than one chunk.
    private const int UnknownIds = 1_100;

    // However slow the machine is.
    private const int FewestKills = 4;

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(30);

    [Fact]
    public Task Nothing_is_lost_or_done_twice_while_replicas_are_killed() => ChaosSystem.RunAsync(output, "kill", jobs: 2, apis: 1, async system =>
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed: {seed}");
        var random = new Random(seed);
        var users = new List<ChaosUser>();
        for (var i = 0; i < Users; i++)
        {
            users.Add(await system.CreateUserAsync());
        }

        var firstDue = DateTimeOffset.UtcNow.AddSeconds(15);
        foreach (var user in users)
        {
            await system.AddTasksAsync(user.Id, TasksEach, firstDue, s_duration);
        }

        using var over = new CancellationTokenSource();
        var lateness = WatchLatenessAsync(system, over.Token);
        var started = await StartedWhileKillingAsync(system, users, random, firstDue + s_duration);

        await system.OperationsEndedAsync(TimeSpan.FromMinutes(3));
        await system.RemindersGoneAsync(TimeSpan.FromMinutes(3));
        await over.CancelAsync();
        output.WriteLine($"reminders were at most {await lateness:0.0} s late, the last operation ended "
            + $"{await system.QueryAsync<decimal>("select extract(epoch from max(finished_at) - $1) from operations", firstDue + s_duration):0.0} s after the last was due");
        output.WriteLine($"attempts: {string.Join(", ", await system.ListAsync<string>(
            "select count(*) || ' operations took ' || attempt from operations group by attempt order by attempt"))}");

        Assert.Equal(Users * TasksEach, await system.QueryAsync<long>("select count(*) from notifications"));
        Assert.Equal(Users * TasksEach, await system.QueryAsync<long>("select count(distinct task_id) from notifications where kind = 'reminder'"));
        Assert.Equal(0, await system.QueryAsync<long>(
            "select count(*) from notifications n join tasks t on t.id = n.task_id where n.deadline <> t.deadline or n.lead_time <> $1 or n.owner_id <> t.owner_id",
            ChaosSystem.LeadTime));
        foreach (var operation in started)
        {
            await operation();
        }

        Assert.Equal(0, await system.QueryAsync<long>("select count(*) from qrtz_triggers where trigger_name like 'operation-%'"));
    });

    /// <summary>Asks for the operations while it kills replicas, and returns what checks the result of each.</summary>
    private async Task<List<Func<Task>>> StartedWhileKillingAsync(
        ChaosSystem system, List<ChaosUser> users, Random random, DateTimeOffset until)
    {
        var killing = KillAsync(system, random, until);
        var checks = new List<Func<Task>>();
        for (var i = 0; i < OperationsEach; i++)
        {
            foreach (var user in users)
            {
                checks.Add(await ExportAsync(system, user, (string[])["json", "ndjson", "csv"], i));
                checks.Add(await UpdateAsync(system, user, i));
            }
        }

        await killing;
        return checks;
    }

    // One replica lives at any time: only then does anybody promise that reminders are in time.
    private async Task KillAsync(ChaosSystem system, Random random, DateTimeOffset until)
    {
        var kills = 0;
        while (kills < FewestKills || DateTimeOffset.UtcNow < until)
        {
            await Task.Delay(TimeSpan.FromSeconds(1 + (2 * random.NextDouble())));
            var victim = system.Jobs[random.Next(system.Jobs.Count)];
            victim.Kill();
            kills++;
            await victim.StartAsync();
            await victim.HealthyAsync();
        }

        output.WriteLine($"killed {kills} times");
    }

    private static async Task<Func<Task>> ExportAsync(ChaosSystem system, ChaosUser user, string[] formats, int number)
    {
        var format = formats[number % formats.Length];
        var client = user.Clients[0];
        var id = await client.StartExportAsync(format);

        return async () =>
        {
            var result = await CompletedAsync(client, id);
            Assert.Equal(TasksEach, result.GetProperty("task_count").GetInt32());
            var file = await client.GetStringAsync(result.GetProperty("download_url").GetString());
            Assert.Equal(await system.ListAsync<long>("select id from tasks where owner_id = $1 order by id", user.Id), IdsIn(file, format));
        };
    }

    private static async Task<Func<Task>> UpdateAsync(ChaosSystem system, ChaosUser user, int number)
    {
        var client = user.Clients[0];
        var mine = await system.ListAsync<long>(
            "select id from tasks where owner_id = $1 order by id limit $2 offset $3", user.Id, TasksOfUpdate, number * TasksOfUpdate);
        var unknown = Enumerable.Range(1, UnknownIds).Select(i => 1_000_000_000L + i);
        var id = await client.StartBulkUpdateAsync([.. mine, .. unknown], new { description = $"changed by {number}" });

        return async () =>
        {
            var result = await CompletedAsync(client, id);
            Assert.Equal((TasksOfUpdate, UnknownIds), (result.GetProperty("updated").GetInt32(), result.GetProperty("not_found").GetArrayLength()));
            Assert.Equal(mine, await system.ListAsync<long>(
                "select id from tasks where owner_id = $1 and description = $2 order by id", user.Id, $"changed by {number}"));
        };
    }

    private static async Task<JsonElement> CompletedAsync(HttpClient client, Guid operation)
    {
        using var answer = await client.GetAsync($"/operations/{operation}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var status = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("completed", status.GetProperty("status").GetString());

        return status.GetProperty("result");
    }

    private static IEnumerable<long> IdsIn(string file, string format) => format switch
    {
        "json" => JsonDocument.Parse(file).RootElement.EnumerateArray().Select(task => task.GetProperty("id").GetInt64()),
        "ndjson" => LinesOf(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetInt64()),
        _ => LinesOf(file).Skip(1).Select(line => long.Parse(line[..line.IndexOf(',', StringComparison.Ordinal)], CultureInfo.InvariantCulture)),
    };

    private static string[] LinesOf(string file) => file.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // How long the oldest reminder has been due that nobody has delivered, as everybody else sees it.
    private static async Task<double> WatchLatenessAsync(ChaosSystem system, CancellationToken over)
    {
        var most = 0.0;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!over.IsCancellationRequested)
        {
            most = Math.Max(most, await system.QueryAsync<double>(
                "select coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8 from reminders where due_at < clock_timestamp()"));
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }

        return most;
    }
}
