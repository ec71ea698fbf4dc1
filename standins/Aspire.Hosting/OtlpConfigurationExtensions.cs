using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting
{
    /// <summary>Telemetry for the dashboard.</summary>
    public static class OtlpConfigurationExtensions
    {
        /// <summary>Tells the process where the dashboard takes telemetry; projects are told without this.</summary>
        public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder) where T : IResourceWithEnvironment =>
            builder.WithAnnotation(new OtlpExporterAnnotation(), ResourceAnnotationMutationBehavior.Replace);
    }
}

namespace Aspire.Hosting.ApplicationModel
{
    /// <summary>The orchestrator gives the process the OTEL_ variables that lead to the dashboard.</summary>
    public class OtlpExporterAnnotation : IResourceAnnotation;
}
