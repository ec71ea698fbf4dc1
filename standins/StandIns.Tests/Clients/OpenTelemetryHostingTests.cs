using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace StandIns.Tests.Clients;

public class OpenTelemetryHostingTests
{
    [Fact]
    public async Task A_started_host_observes_spans_measurements_and_log_records()
    {
        var kept = new List<string>();
        using var source = new ActivitySource($"spans-{Guid.NewGuid()}");
        using var meter = new Meter($"meter-{Guid.NewGuid()}");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOpenTelemetry()
            .WithTracing(tracing => tracing.AddSource(source.Name)
                .AddProcessor(new SimpleActivityExportProcessor(new Keep<Activity>(kept, span => span.DisplayName))))
            .WithMetrics(metrics => metrics.AddMeter(meter.Name)
                .AddReader(new BaseExportingMetricReader(new Keep<Metric>(kept, metric => metric.Name))))
            .WithLogging(logging => logging
                .AddProcessor(new SimpleLogRecordExportProcessor(new Keep<LogRecord>(kept, record => record.CategoryName!))));

        var host = builder.Build();
        await host.StartAsync();
        source.StartActivity("work")?.Dispose();
        meter.CreateCounter<int>("counter").Add(1);
        host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("a category")
            .Log(LogLevel.Information, default, "done", null, (state, _) => state);
        await host.StopAsync();
        host.Dispose();

        Assert.Superset(new HashSet<string> { "work", "counter", "a category" }, kept.ToHashSet());
    }

    [Fact]
    public async Task Spans_still_waiting_are_sent_when_the_host_ends()
    {
        var kept = new List<string>();
        using var source = new ActivitySource($"spans-{Guid.NewGuid()}");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(source.Name).AddProcessor(
            new BatchActivityExportProcessor(new Keep<Activity>(kept, span => span.DisplayName), scheduledDelayMilliseconds: 600_000)));

        var host = builder.Build();
        await host.StartAsync();
        source.StartActivity("work")?.Dispose();
        await host.StopAsync();
        host.Dispose();

        Assert.Equal(["work"], kept);
    }

    [Fact]
    public void Adding_it_twice_starts_it_once_and_first()
    {
        var services = new ServiceCollection();
        services.AddHostedService<Other>();

        services.AddOpenTelemetry().WithTracing();
        services.AddOpenTelemetry().WithMetrics();

        var hosted = services.Where(service => service.ServiceType == typeof(IHostedService)).ToList();
        Assert.Equal(2, hosted.Count);
        Assert.Equal(typeof(Other), hosted[1].ImplementationType);
    }

    private sealed class Keep<T>(List<string> kept, Func<T, string> name) : BaseExporter<T> where T : class
    {
        public override ExportResult Export(in Batch<T> batch)
        {
            foreach (var item in batch)
            {
                kept.Add(name(item));
            }

            return ExportResult.Success;
        }
    }

    private sealed class Other : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.CompletedTask;
    }
}
