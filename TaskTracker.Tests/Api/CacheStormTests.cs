using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Api;

/// <summary>
/// The cache's promises under a storm. <c>TASKTRACKER_STORM_OPERATIONS</c> is how many operations: 200,000 where
/// <c>.ci/run</c> runs it; <c>TASKTRACKER_STORM_SEED</c> repeats the choices of a run that failed.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class CacheStormTests(ApiFixture api, ITestOutputHelper output)
{
    private static readonly int s_operations = Read("TASKTRACKER_STORM_OPERATIONS", 10_000);

    [Fact]
    public async Task No_reader_misses_a_write_that_was_answered_before_it_asked_and_nothing_stays_stale()
    {
        var seed = Read("TASKTRACKER_STORM_SEED", Environment.TickCount);
        var storm = new CacheStorm([api.First, api.Second], seed);
        await storm.PrepareAsync();

        var begun = Stopwatch.StartNew();
        await storm.RunAsync(() => storm.Operations < s_operations);

        var (answers, hits) = storm.Seen;
        output.WriteLine($"Seed {seed}: {storm.Operations} operations in {begun.Elapsed.TotalSeconds:0} s, {100.0 * hits / answers:0} % of {answers} answers from the cache.");
        await storm.ProveNothingStaleAsync();
        Assert.True(hits > answers * CacheStorm.UsualHits, $"Only {hits} of {answers} answers came from the cache.");
    }

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
