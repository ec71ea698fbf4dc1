using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace TaskTracker.ServiceDefaults;

internal static class Telemetry
{
    // Everything here observes itself; the packages OpenTelemetry.Instrumentation.* have nothing to add.
    private static readonly string[] Sources =
        ["Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "Quartz", "TaskTracker"];

    private static readonly string[] Meters =
        ["Microsoft.AspNetCore.*", "System.Net.Http", "System.Runtime", "Npgsql", "Quartz", "TaskTracker"];

    // Not quartz.trigger.name: a job run on demand gets a trigger with a random name, and each would be a series of
    // its own for ever.
    private static readonly string[] QuartzTags =
    [
        "quartz.scheduler.name", "quartz.scheduler.id", "quartz.job.group", "quartz.job.name", "quartz.job.type",
        "quartz.job.result", "quartz.trigger.group", "quartz.execution.group", "quartz.jobstore.operation",
        "quartz.jobstore.lock", "quartz.jobstore.lock.reason", "quartz.cluster.recovered.instance.id", "error.type",
    ];

    // In seconds. Without them the SDK has 5 as its first boundary, below which nearly everything here stays.
    private static readonly double[] Durations =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

    public static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        // Unless told otherwise before the server starts, .NET 10 leaves out the http.* and url.* attributes of a request.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);

        builder.Services.AddTransient<IStartupFilter, RequestSpans>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .WithLogging(null, logging =>
            {
                logging.IncludeFormattedMessage = true;
                logging.IncludeScopes = true;
            })
            .WithTracing(tracing => tracing.AddSource(Sources).AddProcessor<NoiseFilter>().AddProcessor<DatabaseSpans>())
            .WithMetrics(metrics => metrics.AddMeter(Meters).AddView(View));

        var isSent = !string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        if (isSent)
        {
            telemetry.UseOtlpExporter();
        }

        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_TRACES_SAMPLER"]))
        {
            // What nobody gets need not be recorded; requests have their ids all the same.
            telemetry.WithTracing(tracing => tracing.SetSampler(isSent ? new ParentBasedSampler(new BusySampler(TimeProvider.System)) : new AlwaysOffSampler()));
        }
    }

    private static MetricStreamConfiguration? View(Instrument instrument) => (instrument.Meter.Name, instrument) switch
    {
        ("Quartz", Histogram<double> { Unit: "s", Advice: null }) => new ExplicitBucketHistogramConfiguration { Boundaries = Durations, TagKeys = QuartzTags },
        ("Quartz", _) => new MetricStreamConfiguration { TagKeys = QuartzTags },
        ("TaskTracker", Histogram<double> { Unit: "s", Advice: null }) => new ExplicitBucketHistogramConfiguration { Boundaries = Durations },
        _ => null,
    };
}
