using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Names volumes so that those of different AppHosts do not meet.</summary>
public static partial class VolumeNameGenerator
{
    public static string Generate<T>(IResourceBuilder<T> builder, string suffix) where T : IResource
    {
        var application = builder.ApplicationBuilder;
        var name = NotAllowed().Replace(application.Environment.ApplicationName.ToLowerInvariant(), "_");
        var origin = application.ExecutionContext.IsPublishMode ? application.Environment.ApplicationName : application.AppHostDirectory;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(origin)))[..10];
        return $"{name}-{hash}-{builder.Resource.Name}-{suffix}";
    }

    [GeneratedRegex("[^a-z0-9_.-]")]
    private static partial Regex NotAllowed();
}
