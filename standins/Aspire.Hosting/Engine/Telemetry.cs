using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Engine;

/// <summary>The variables that make a process send its telemetry to the dashboard, joined to its row there.</summary>
internal static class Telemetry
{
    /// <summary>The annotation of an executable that holds what tells it from its replicas.</summary>
    public const string InstanceAnnotation = "otel-service-instance-id";

    public static void AddTo(IResource resource, EndpointReference collector, string? apiKey, bool isDevelopment) =>
        resource.Annotations.Add(new EnvironmentCallbackAnnotation(context =>
        {
            var variables = context.EnvironmentVariables;
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector;
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
            variables["OTEL_SERVICE_NAME"] = resource.Name;
            variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={DcpTemplate.Annotation(InstanceAnnotation)}";
            if (apiKey is not null)
            {
                variables["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-otlp-api-key={apiKey}";
            }

            if (isDevelopment)
            {
                // Whoever develops wants to see everything, and at once.
                variables["OTEL_BLRP_SCHEDULE_DELAY"] = "1000";
                variables["OTEL_BSP_SCHEDULE_DELAY"] = "1000";
                variables["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
                variables["OTEL_TRACES_SAMPLER"] = "always_on";
                variables["OTEL_METRICS_EXEMPLAR_FILTER"] = "trace_based";
            }
        }));
}
