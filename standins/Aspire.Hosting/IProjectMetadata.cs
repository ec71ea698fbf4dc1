using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Where a project resource's project lies; the build makes one class in namespace Projects for each.</summary>
public interface IProjectMetadata : IResourceAnnotation
{
    string ProjectPath { get; }

    /// <summary>True: the project was built together with the AppHost, and is started as it is.</summary>
    bool SuppressBuild => false;
}
