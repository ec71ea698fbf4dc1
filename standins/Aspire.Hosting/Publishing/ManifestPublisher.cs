using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Publishing;

/// <summary>Writes the manifest that deployment tools such as azd read.</summary>
internal sealed partial class ManifestPublisher(DistributedApplicationModel model, DistributedApplicationExecutionContext executionContext, IConfiguration configuration, ILogger<ManifestPublisher> logger)
{
    private const string FileName = "aspire-manifest.json";

    /// <exception cref="DistributedApplicationException">Stand-ins may not publish, or it was not said where to.</exception>
    internal async Task PublishAsync(CancellationToken cancellationToken)
    {
        if (configuration["AllowStandInPublish"] is not { } allowed || !bool.TryParse(allowed, out var isAllowed) || !isAllowed)
        {
            throw new DistributedApplicationException(
                "This AppHost was built with the stand-ins for Aspire, which serve development and tests only: publish with AspirePackages=official, or set AllowStandInPublish=true if you know what you do.");
        }

        if (executionContext.PublisherName != "manifest" || configuration["Pipeline:Step"] is not (null or "publish-manifest"))
        {
            throw new NotSupportedException("The stand-in for Aspire publishes the manifest only: use --publisher manifest, or --operation publish --step publish-manifest.");
        }

        var output = configuration["Publishing:OutputPath"]
            ?? throw new DistributedApplicationException("The '--output-path [path]' option was not specified.");
        var file = Path.GetFullPath(output.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? output : Path.Combine(output, FileName));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);

        using var manifest = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(manifest, new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            await new ManifestPublishingContext(executionContext, file, writer, cancellationToken).WriteAsync(model);
        }

        await File.WriteAllBytesAsync(file, manifest.ToArray(), cancellationToken);
        LogPublished(file);
    }

    [LoggerMessage(LogLevel.Information, "Published manifest to: {File}")]
    private partial void LogPublished(string file);
}
