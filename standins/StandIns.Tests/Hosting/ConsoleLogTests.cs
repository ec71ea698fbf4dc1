using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace StandIns.Tests.Hosting;

public class ConsoleLogTests
{
    [Fact]
    public async Task A_watch_gives_the_lines_so_far_and_those_to_come_until_the_log_is_complete()
    {
        await using var app = new TestApplication();
        app.Logs.Write("api", "early", isErrorMessage: false);
        var seen = new List<LogLine>();
        var watch = WatchAsync();

        app.Logs.Write("api", "late", isErrorMessage: true);
        app.Logs.Complete("api");
        await watch.WaitAsync(app.Limit);

        Assert.Equal([new LogLine(1, "early", false), new LogLine(2, "late", true)], seen);

        async Task WatchAsync()
        {
            await foreach (var batch in app.Logs.WatchAsync("api"))
            {
                seen.AddRange(batch);
            }
        }
    }

    [Fact]
    public async Task Only_so_many_lines_are_kept()
    {
        await using var app = new TestApplication();
        for (var line = 0; line < ResourceLoggerService.BacklogSize + 5; line++)
        {
            app.Logs.Write("api", "line", isErrorMessage: false);
        }

        var api = app.Builder.AddExecutable("api", "api", ".");
        var kept = new List<LogLine>();
        await foreach (var batch in app.Logs.GetAllAsync(api.Resource))
        {
            kept.AddRange(batch);
        }

        Assert.Equal(ResourceLoggerService.BacklogSize, kept.Count);
        Assert.Equal(6, kept[0].LineNumber);
    }
}
