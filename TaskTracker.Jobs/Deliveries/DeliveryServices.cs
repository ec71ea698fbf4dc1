using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>Registers <c>deliver_notifications</c> and what it needs.</summary>
internal static class DeliveryServices
{
    public static void AddDeliveries(this IHostApplicationBuilder builder)
    {
        builder.AddWebhookRules();
        builder.Services.AddOptions<DeliveryOptions>()
            .BindConfiguration(DeliveryOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddOptions<EmailOptions>()
            .BindConfiguration(EmailOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddSingleton<DeliveryTelemetry>();
        builder.Services.AddSingleton<EmailChannel>();
        builder.Services.AddSingleton<WebhookChannel>();
        builder.Services.AddScoped<DeliveryLedger>();
        builder.Services.AddSingleton<DeliveryRun>();
        builder.Services.AddSingleton<DeliveryWatch>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DeliveryWatch>());

        builder.AddQuartz(quartz => quartz.AddJob<DeliverNotificationsJob>(job => job
            .WithIdentity(JobKeys.DeliverNotifications)
            .WithDescription("Sends notifications by e-mail and webhook.")
            .StoreDurably()
            .RequestRecovery()));
    }
}
