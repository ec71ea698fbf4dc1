using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <summary>Adds a link, or, when it is relative, moves the resource's links to that path.</summary>
    public static IResourceBuilder<T> WithUrl<T>(this IResourceBuilder<T> builder, string url, string? displayText = null) where T : IResource
    {
        // A path counts as relative, though Unix takes it for the address of a file.
        if (!url.StartsWith('/') && Uri.TryCreate(url, UriKind.Absolute, out _))
        {
            return builder.WithAnnotation(new ResourceUrlAnnotation { Url = url, DisplayText = displayText });
        }

        return builder.WithUrls(context =>
        {
            foreach (var link in context.Urls)
            {
                link.Url = new Uri(new Uri(link.Url), url).ToString();
                link.DisplayText = displayText ?? link.DisplayText;
            }
        });
    }

    public static IResourceBuilder<T> WithUrl<T>(this IResourceBuilder<T> builder, in ReferenceExpression.ExpressionInterpolatedStringHandler url, string? displayText = null) where T : IResource =>
        builder.WithUrl(url.ToExpression(), displayText);

    public static IResourceBuilder<T> WithUrl<T>(this IResourceBuilder<T> builder, ReferenceExpression url, string? displayText = null) where T : IResource =>
        builder.WithUrls(async context =>
        {
            if (await url.GetValueAsync(context.CancellationToken) is { Length: > 0 } text)
            {
                context.Urls.Add(new() { Url = text, DisplayText = displayText, Endpoint = url.ValueProviders.OfType<EndpointReference>().FirstOrDefault() });
            }
        });

    /// <summary>Changes the resource's links once its endpoints are allocated.</summary>
    public static IResourceBuilder<T> WithUrls<T>(this IResourceBuilder<T> builder, Action<ResourceUrlsCallbackContext> callback) where T : IResource =>
        builder.WithAnnotation(new ResourceUrlsCallbackAnnotation(callback));

    /// <inheritdoc cref="WithUrls{T}(IResourceBuilder{T}, Action{ResourceUrlsCallbackContext})"/>
    public static IResourceBuilder<T> WithUrls<T>(this IResourceBuilder<T> builder, Func<ResourceUrlsCallbackContext, Task> callback) where T : IResource =>
        builder.WithAnnotation(new ResourceUrlsCallbackAnnotation(callback));

    /// <summary>Changes the link of one endpoint.</summary>
    public static IResourceBuilder<T> WithUrlForEndpoint<T>(this IResourceBuilder<T> builder, string endpointName, Action<ResourceUrlAnnotation> callback) where T : IResource =>
        builder.WithUrls(context =>
        {
            if (context.Urls.FirstOrDefault(link => string.Equals(link.Endpoint?.EndpointName, endpointName, StringComparison.OrdinalIgnoreCase)) is { } link)
            {
                callback(link);
            }
            else
            {
                LogNoEndpoint(context.Logger, builder.Resource.Name, endpointName);
            }
        });

    /// <summary>Adds another link for one endpoint.</summary>
    public static IResourceBuilder<T> WithUrlForEndpoint<T>(this IResourceBuilder<T> builder, string endpointName, Func<EndpointReference, ResourceUrlAnnotation> callback) where T : IResourceWithEndpoints =>
        builder.WithUrls(context =>
        {
            var endpoint = builder.GetEndpoint(endpointName);
            if (endpoint.Exists)
            {
                var link = callback(endpoint);
                context.Urls.Add(new()
                {
                    Url = new Uri(new Uri(endpoint.Url), link.Url).ToString(),
                    DisplayText = link.DisplayText,
                    DisplayOrder = link.DisplayOrder,
                    DisplayLocation = link.DisplayLocation,
                    Endpoint = endpoint,
                });
            }
            else
            {
                LogNoEndpoint(context.Logger, builder.Resource.Name, endpointName);
            }
        });

    [LoggerMessage(LogLevel.Warning, "Resource '{Resource}' has no endpoint '{Endpoint}' whose URL could be changed.")]
    private static partial void LogNoEndpoint(ILogger log, string resource, string endpoint);
}
