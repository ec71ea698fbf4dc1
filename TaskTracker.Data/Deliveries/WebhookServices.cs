using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace TaskTracker.Data.Deliveries;

/// <summary>Registers what both who takes webhooks' URLs and who calls them need.</summary>
public static class WebhookServices
{
    /// <summary>Adds <see cref="WebhookGuard"/> and <see cref="WebhookSecrets"/>; the latter needs the shared keys.</summary>
    /// <param name="builder">The service that is being built.</param>
    public static void AddWebhookRules(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<WebhookOptions>()
            .BindConfiguration(WebhookOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.TryAddSingleton<ResolveHost>(Dns.GetHostAddressesAsync);
        builder.Services.AddSingleton<WebhookGuard>();
        builder.Services.AddSingleton<WebhookSecrets>();
    }
}
