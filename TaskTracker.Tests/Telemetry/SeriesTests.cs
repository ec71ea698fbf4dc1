using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using TaskTracker.Tests.Chaos;
using TaskTracker.Tests.Deployment;
using TaskTracker.Tests.Operations;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Telemetry;

/// <summary>
/// What tasks and jobs cost whoever stores the metrics: each combination of attributes is a series for ever. The services
/// are processes of their own here, as the meters of Npgsql and Quartz are the whole process's.
/// </summary>
[Collection(ChaosTests.Name)]
public sealed partial class SeriesTests(ITestOutputHelper output)
{
    /// <summary>How many tasks, and how many jobs: 10,000 of both together in CI.</summary>
    private static readonly int s_count = int.Parse(Environment.GetEnvironmentVariable("TASKTRACKER_SERIES_COUNT") ?? "1000", CultureInfo.InvariantCulture);

    // Every metric of both services, with runtime, connections and requests: 138 series when this was written.
    private const int MostSeries = 500;

    private const int Callers = 8;

    [Fact]
    public async Task Series_do_not_grow_with_tasks_users_and_jobs()
    {
        await using var receiver = await MetricsReceiver.StartAsync();
        await ChaosSystem.RunAsync(output, "series", jobs: 1, apis: 1, receiver.Environment, async system =>
        {
            // Every kind of work once, so that what comes after has no kind of its own.
            await WorkAsync(system, 2 * Callers);
            await RemindAsync(system);
            await receiver.NextExportsAsync(services: 2);
            var before = receiver.Series;

            await WorkAsync(system, s_count);
            await receiver.NextExportsAsync(services: 2);
            var after = receiver.Series;

            output.WriteLine($"{before.Values.Sum()} series of {before.Count} metrics at first, {after.Values.Sum()} of {after.Count} after {s_count} tasks and jobs");
            Assert.Contains("tasktracker.tasks.created", after.Keys);
            Assert.Contains("quartz.job.execution.duration", after.Keys);
            Assert.InRange(after.Values.Sum(), 1, MostSeries);
            await AssertAlertsAreOfTheseAsync(receiver);
            foreach (var (metric, count) in after)
            {
                // A status or an error that came up for the first time, but nothing by task, user or run.
                Assert.True(count <= before.GetValueOrDefault(metric) + 20, $"{metric}:\n{string.Join('\n', receiver.SeriesOf(metric).Take(40))}");
            }
        });
    }

    // Prometheus puts '_' for '.', and the unit and the kind behind the name.
    private static async Task AssertAlertsAreOfTheseAsync(MetricsReceiver receiver)
    {
        var rules = await File.ReadAllTextAsync(Repository.File("deploy/alerts.yaml"));
        var named = MetricOfRule().Matches(LabelsOfRule().Replace(rules, "")).Select(match => match.Value).ToHashSet();
        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Contains(receiver.Series.Keys, metric => name.StartsWith(metric.Replace('.', '_'), StringComparison.Ordinal)));

        Assert.Contains(receiver.SeriesOf("quartz.job.execution.duration"), series =>
            series.Contains("quartz.job.result=succeeded", StringComparison.Ordinal) && series.Contains("quartz.job.name=", StringComparison.Ordinal));
        Assert.Contains(receiver.SeriesOf("tasktracker.cache.lookups"), series => series.Contains("result=", StringComparison.Ordinal));
        Assert.Contains(receiver.SeriesOf("http.server.request.duration"), series => series.Contains("http.response.status_code=", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\b(tasktracker|quartz|http_server)_\w+(?=[{)\[])")]
    private static partial Regex MetricOfRule();

    [GeneratedRegex(@"by \([^)]*\)")]
    private static partial Regex LabelsOfRule();

    private static async Task RemindAsync(ChaosSystem system)
    {
        var client = (await system.CreateUserAsync()).Clients[0];
        using var created = await client.PostAsJsonAsync("/tasks", new { title = "soon", deadline = DateTimeOffset.UtcNow + ChaosSystem.LeadTime + TimeSpan.FromSeconds(1) });
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await Eventually.TrueAsync("the reminder is delivered", async () =>
        {
            // Read through the cache on the way.
            using var tasks = await client.GetAsync(created.Headers.Location);
            Assert.Equal(HttpStatusCode.OK, tasks.StatusCode);
            return (await client.GetFromJsonAsync<JsonElement>("/notifications/unread")).GetProperty("unread").GetInt32() == 1;
        });
    }

    private static async Task WorkAsync(ChaosSystem system, int count)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, Callers), new ParallelOptions { MaxDegreeOfParallelism = Callers }, async (_, cancellationToken) =>
        {
            var client = (await system.CreateUserAsync()).Clients[0];
            for (var i = 0; i < count / Callers; i++)
            {
                using var created = await client.PostAsJsonAsync("/tasks", new { title = $"task {i}", deadline = DateTimeOffset.UtcNow.AddDays(2) }, cancellationToken);
                Assert.Equal(HttpStatusCode.Created, created.StatusCode);
                await client.StartBulkUpdateAsync([long.Parse(created.Headers.Location!.ToString().Split('/')[^1], CultureInfo.InvariantCulture)], new { completed = true });
            }
        });
        await system.OperationsEndedAsync(TimeSpan.FromMinutes(5));
    }
}
