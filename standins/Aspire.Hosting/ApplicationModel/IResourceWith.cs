using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.ApplicationModel
{
    /// <summary>Takes environment variables.</summary>
    public interface IResourceWithEnvironment : IResource;

    /// <summary>Takes command line arguments.</summary>
    public interface IResourceWithArgs : IResource;

    /// <summary>Listens on endpoints.</summary>
    public interface IResourceWithEndpoints : IResource;

    /// <summary>Can be held back until others are ready.</summary>
    public interface IResourceWithWaitSupport : IResource;

    /// <summary>Is a value rather than something that starts and stops.</summary>
    public interface IResourceWithoutLifetime : IResource;

    /// <summary>Lives and dies with its parent, and is shown below it.</summary>
    public interface IResourceWithParent : IResource
    {
        IResource Parent { get; }
    }

    /// <inheritdoc cref="IResourceWithParent"/>
    public interface IResourceWithParent<out T> : IResourceWithParent where T : IResource
    {
        new T Parent { get; }
        IResource IResourceWithParent.Parent => Parent;
    }

    /// <summary>Is reached through a connection string.</summary>
    public interface IResourceWithConnectionString : IResource, IExpressionValue, IValueWithReferences
    {
        ReferenceExpression ConnectionStringExpression { get; }
        string? ConnectionStringEnvironmentVariable => null;
        string IManifestExpressionProvider.ValueExpression => $"{{{Name}.connectionString}}";
        IEnumerable<object> IValueWithReferences.References => [ConnectionStringExpression];

        ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) =>
            ConnectionStringExpression.GetValueAsync(cancellationToken);

        /// <summary>The parts of the connection string, for clients that cannot read it: host, port, password and so on.</summary>
        IEnumerable<KeyValuePair<string, ReferenceExpression>> GetConnectionProperties() => [];

        ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) => GetConnectionStringAsync(cancellationToken);
    }
}

namespace Aspire.Hosting
{
    /// <summary>Is found by its name through service discovery.</summary>
    public interface IResourceWithServiceDiscovery : IResourceWithEndpoints;
}
