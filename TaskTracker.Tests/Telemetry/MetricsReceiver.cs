using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace TaskTracker.Tests.Telemetry;

/// <summary>Takes metrics as a collector does (OTLP over HTTP), and keeps which series there were, by metric.</summary>
internal sealed class MetricsReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, bool>> _series = [];
    private long _exports;

    private MetricsReceiver()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrel().UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    /// <summary>What makes a service send its metrics here.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
        ["OTEL_TRACES_SAMPLER"] = "always_off",
        ["Logging__OpenTelemetry__LogLevel__Default"] = "None",
    };

    /// <summary>How many series there were of each metric, of all services together.</summary>
    public IReadOnlyDictionary<string, int> Series => _series.ToDictionary(metric => metric.Key, metric => metric.Value.Count);

    public static async Task<MetricsReceiver> StartAsync()
    {
        var receiver = new MetricsReceiver();
        await receiver._app.StartAsync();

        return receiver;
    }

    /// <summary>The series of one metric, as text that names their attributes.</summary>
    public IReadOnlyCollection<string> SeriesOf(string metric) => [.. _series.GetValueOrDefault(metric, []).Keys.Order(StringComparer.Ordinal)];

    /// <summary>Waits for what is measured now: the export under way may have begun before.</summary>
    public async Task NextExportsAsync(int services)
    {
        var seen = Interlocked.Read(ref _exports);
        await Eventually.TrueAsync("the metrics are exported", () => Task.FromResult(Interlocked.Read(ref _exports) >= seen + 3 * services));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (context.Request.Path == "/v1/metrics")
        {
            Read(body.ToArray());
            Interlocked.Increment(ref _exports);
        }
    }

    // The fields' numbers are those of opentelemetry/proto/metrics/v1/metrics.proto.
    private void Read(byte[] request)
    {
        foreach (var metric in Fields(request, 1).SelectMany(resource => Fields(resource, 2)).SelectMany(scope => Fields(scope, 2)))
        {
            var series = _series.GetOrAdd(Text(Fields(metric, 1).Single()), _ => []);
            foreach (var (data, attributes) in ((int, int)[])[(5, 7), (7, 7), (9, 9)])
            {
                foreach (var point in Fields(metric, data).SelectMany(kind => Fields(kind, 1)))
                {
                    series[string.Join(", ", Fields(point, attributes).Select(Printable).Order(StringComparer.Ordinal))] = true;
                }
            }
        }

        static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
        static string Printable(ReadOnlyMemory<byte> attribute) =>
            $"{Text(Fields(attribute, 1).Single())}={string.Concat(Fields(attribute, 2).Select(value => string.Concat(Text(value).Where(letter => !char.IsControl(letter)))))}";
    }

    /// <summary>The messages, texts and the like that a message holds in one of its fields.</summary>
    private static List<ReadOnlyMemory<byte>> Fields(ReadOnlyMemory<byte> message, int number)
    {
        var found = new List<ReadOnlyMemory<byte>>();
        var at = 0;
        while (at < message.Length)
        {
            var tag = Number();
            var length = (tag & 7) switch
            {
                0 => Skip(),
                1 => 8,
                2 => (int)Number(),
                5 => 4,
                _ => throw new InvalidDataException($"A field of type {tag & 7}."),
            };
            if (tag == ((uint)number << 3 | 2))
            {
                found.Add(message.Slice(at, length));
            }

            at += length;
        }

        return found;

        ulong Number()
        {
            ulong value = 0;
            for (var shift = 0; ; shift += 7)
            {
                var part = message.Span[at++];
                value |= (ulong)(part & 0x7f) << shift;
                if (part < 0x80)
                {
                    return value;
                }
            }
        }

        int Skip()
        {
            Number();
            return 0;
        }
    }
}
