using System.Collections.Concurrent;
using Aspire.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace StandIns.Tests.Hosting;

public class StartTests
{
    [Fact]
    public async Task A_failed_start_throws_its_reason_and_leaves_the_saying_of_it_to_the_app_host()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var logs = new Logs();
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { DisableDashboard = true });
        builder.Services.AddSingleton<ILoggerProvider>(logs);
        builder.AddRedis("cache");
        await using var app = builder.Build();

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.RunAsync(limit.Token));

        Assert.Contains("'cache'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Distributed application starting.", logs.Lines);
        Assert.Empty(logs.Errors);
    }

    [Fact]
    public async Task A_failing_subscriber_of_the_first_event_is_the_reason_too()
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { DisableDashboard = true });
        builder.OnBeforeStart((_, _) => throw new DistributedApplicationException("port 8000 is taken"));
        await using var app = builder.Build();

        Assert.Equal("port 8000 is taken", (await Assert.ThrowsAsync<DistributedApplicationException>(() => app.StartAsync())).Message);
    }

    private sealed class Logs : ILoggerProvider, ILogger
    {
        internal ConcurrentQueue<string> Lines { get; } = [];
        internal ConcurrentQueue<string> Errors { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            (logLevel >= LogLevel.Error ? Errors : Lines).Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
