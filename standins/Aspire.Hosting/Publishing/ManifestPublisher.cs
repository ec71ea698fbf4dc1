namespace Aspire.Hosting.Publishing;

/// <summary>Writes the manifest.</summary>
internal sealed class ManifestPublisher
{
    internal Task PublishAsync(CancellationToken cancellationToken) => throw new NotSupportedException("Publishing is not supported yet.");
}
