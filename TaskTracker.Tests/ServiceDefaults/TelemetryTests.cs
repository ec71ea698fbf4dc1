using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

// Sources and meters are the whole process's: each test looks only at what bears its own id.
public class TelemetryTests
{
    private readonly string _id = ActivityTraceId.CreateRandom().ToString();

    [Fact]
    public async Task The_span_of_a_request_is_named_by_its_route_and_has_the_attributes_of_http()
    {
        await using var service = await Service.StartAsync();

        await service.GetAsync("/tasks/7?q=x", _id);

        var span = Assert.Single(await service.StopAsync(), span => span.TraceId.ToString() == _id);
        Assert.Equal("GET /tasks/{id}", span.DisplayName);
        Assert.Equal("GET", span.GetTagItem("http.request.method"));
        Assert.Equal("/tasks/7", span.GetTagItem("url.path"));
        Assert.Equal("/tasks/{id}", span.GetTagItem("http.route"));
        Assert.Equal(200, span.GetTagItem("http.response.status_code"));
    }

    [Fact]
    public async Task The_span_of_a_request_that_failed_keeps_its_route()
    {
        await using var service = await Service.StartAsync();

        await service.GetAsync("/fails/7", _id);

        var span = Assert.Single(await service.StopAsync(), span => span.TraceId.ToString() == _id);
        Assert.Equal("GET /fails/{id}", span.DisplayName);
        Assert.Equal(500, span.GetTagItem("http.response.status_code"));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
    }

    [Fact]
    public async Task The_root_of_a_route_group_is_named_without_a_slash_at_its_end()
    {
        await using var service = await Service.StartAsync();

        await service.GetAsync("/lists", _id);

        Assert.Equal("GET /lists", Assert.Single(await service.StopAsync(), span => span.TraceId.ToString() == _id).DisplayName);
    }

    [Fact]
    public async Task A_request_without_a_route_is_named_by_its_method()
    {
        await using var service = await Service.StartAsync();

        await service.GetAsync("/nowhere", _id);

        Assert.Equal("GET", Assert.Single(await service.StopAsync(), span => span.TraceId.ToString() == _id).DisplayName);
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/alive")]
    public async Task Probes_leave_no_span_and_neither_does_what_they_do(string path)
    {
        await using var service = await Service.StartAsync();

        Assert.Equal(HttpStatusCode.OK, await service.GetAsync(path, _id));

        Assert.DoesNotContain(await service.StopAsync(), span => span.TraceId.ToString() == _id);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("always_on")]
    public async Task Polling_leaves_no_span_but_the_same_call_within_some_work_does(string? sampler)
    {
        await using var service = await Service.StartAsync(sampler);
        using var quartz = new ActivitySource("Quartz");
        using var npgsql = new ActivitySource("Npgsql");

        using (quartz.StartActivity($"look for triggers {_id}", ActivityKind.Client))
        using (npgsql.StartActivity($"SELECT {_id}", ActivityKind.Client))
        {
        }

        using (quartz.StartActivity($"job {_id}"))
        using (npgsql.StartActivity($"UPDATE {_id}", ActivityKind.Client))
        {
        }

        Assert.Equal(
            [$"UPDATE {_id}", $"job {_id}"],
            (await service.StopAsync()).Select(span => span.DisplayName).Where(name => name.EndsWith(_id, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Job_metrics_are_kept_by_job_and_not_by_trigger()
    {
        await using var service = await Service.StartAsync();
        using var quartz = new Meter("Quartz");
        var duration = quartz.CreateHistogram(
            $"duration.{_id}", "s", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [1, 2] });

        duration.Record(1, new("quartz.job.name", "export"), new("quartz.trigger.name", "a"));
        duration.Record(3, new("quartz.job.name", "export"), new("quartz.trigger.name", "b"));

        Assert.Equal("quartz.job.name=export, 2 times in 3 buckets", service.Measured($"duration.{_id}"));
    }

    [Theory]
    [InlineData("Quartz")]
    [InlineData("TaskTracker")]
    public async Task Durations_of_milliseconds_are_told_from_those_of_seconds(string name)
    {
        await using var service = await Service.StartAsync();
        using var meter = new Meter(name);
        var duration = meter.CreateHistogram<double>($"duration.{_id}", "s");

        duration.Record(0.004);
        duration.Record(2);

        Assert.Equal(", 2 times in 18 buckets", service.Measured($"duration.{_id}"));
    }

    /// <summary>A service with a task route and the defaults that keeps what it would have sent.</summary>
    private sealed class Service : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly ConcurrentQueue<Activity> _spans = [];
        private readonly Dictionary<string, string> _measured = [];

        private Service(string? sampler)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Configuration["OTEL_TRACES_SAMPLER"] = sampler;
            // Nobody is there, but without an address nothing is recorded.
            builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1";
            builder.WebHost.UseKestrel().UseUrls("http://127.0.0.1:0");
            builder.Services.AddRouting().AddProblemDetails();
            builder.AddServiceDefaults();
            builder.Services.AddHealthChecks().AddCheck("asks the database", () =>
            {
                using var npgsql = new ActivitySource("Npgsql");
                using var span = npgsql.StartActivity("SELECT", ActivityKind.Client);
                return HealthCheckResult.Healthy();
            });
            builder.Services.AddOpenTelemetry()
                .WithTracing(tracing => tracing.AddProcessor(new SimpleActivityExportProcessor(new KeepSpans(_spans))))
                .WithMetrics(metrics => metrics.AddReader(new BaseExportingMetricReader(new KeepHistograms(_measured))));
            _app = builder.Build();
            _app.UseExceptionHandler();
            _app.MapGet("/tasks/{id}", (int id) => id);
            _app.MapGroup("/lists").MapGet("/", () => 1);
            _app.MapGet("/fails/{id}", void (int id) => throw new InvalidOperationException($"{id}"));
            _app.MapDefaultEndpoints();
        }

        public static async Task<Service> StartAsync(string? sampler = null)
        {
            var service = new Service(sampler);
            await service._app.StartAsync();
            return service;
        }

        public async Task<HttpStatusCode> GetAsync(string path, string traceId)
        {
            using var handler = new SocketsHttpHandler { ActivityHeadersPropagator = null };
            using var client = new HttpClient(handler);
            using var request = new HttpRequestMessage(HttpMethod.Get, _app.Urls.Single() + path);
            request.Headers.Add("traceparent", $"00-{traceId}-b7ad6b7169203331-01");
            using var answer = await client.SendAsync(request);
            return answer.StatusCode;
        }

        // The span of a request ends after its answer was sent; stopping the server waits for it.
        public async Task<IReadOnlyList<Activity>> StopAsync()
        {
            await _app.StopAsync();
            // Spans of other tests, which run at the same time, go on coming.
            return [.. _spans];
        }

        public string Measured(string instrument)
        {
            _app.Services.GetRequiredService<MeterProvider>().ForceFlush();
            return _measured[instrument];
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }

    private sealed class KeepSpans(ConcurrentQueue<Activity> kept) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
            {
                kept.Enqueue(span);
            }

            return ExportResult.Success;
        }
    }

    private sealed class KeepHistograms(Dictionary<string, string> kept) : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (var metric in batch)
            {
                if (metric.MetricType != MetricType.Histogram)
                {
                    continue;
                }

                foreach (ref readonly var point in metric.GetMetricPoints())
                {
                    var tags = new List<string>();
                    foreach (var tag in point.Tags)
                    {
                        tags.Add($"{tag.Key}={tag.Value}");
                    }

                    var buckets = 0;
                    foreach (var _ in point.GetHistogramBuckets())
                    {
                        buckets++;
                    }

                    kept[metric.Name] = $"{string.Join(',', tags)}, {point.GetHistogramCount()} times in {buckets} buckets";
                }
            }

            return ExportResult.Success;
        }
    }
}
