using System.ComponentModel.DataAnnotations;
using TaskTracker.Api.Json;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Api.Notifications;

/// <summary>What to change about the caller's channels. A field that is absent stays as it is.</summary>
public sealed record UpdateNotificationSettingsRequest : IValidatableObject
{
    private bool _hasEmailEnabled;

    /// <summary>Whether notifications also go to the account's e-mail address.</summary>
    public bool? EmailEnabled
    {
        get;
        init => (field, _hasEmailEnabled) = (value, true);
    }

    /// <summary>Where notifications are posted to, at most 2,000 characters; null for nowhere. Another URL gets a secret of its own.</summary>
    [Text(NotificationSettings.WebhookUrlMaxLength)]
    public string? WebhookUrl
    {
        get;
        init => (field, HasWebhookUrl) = (value, true);
    }

    internal bool HasWebhookUrl { get; private init; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (_hasEmailEnabled && EmailEnabled is null)
        {
            yield return new ValidationResult("Must be true or false: leave it out to keep it.", [nameof(EmailEnabled)]);
        }
    }
}

/// <summary>By which channels the caller is told, beside <c>GET /notifications</c>.</summary>
/// <param name="EmailEnabled">Whether notifications also go to the account's e-mail address.</param>
/// <param name="WebhookUrl">Where they are posted to; null for nowhere.</param>
/// <param name="WebhookSecretSet">Whether there is a secret that posts are signed with.</param>
/// <param name="WebhookSecret">The secret, in the answer to the request that made it and never again.</param>
public sealed record NotificationSettingsResponse(bool EmailEnabled, string? WebhookUrl, bool WebhookSecretSet, string? WebhookSecret)
{
    internal static NotificationSettingsResponse From(NotificationSettings? settings, string? newSecret = null) =>
        new(settings?.EmailEnabled ?? false, settings?.WebhookUrl, settings?.WebhookSecret is not null, newSecret);
}

/// <summary>A notification's way out by one channel.</summary>
/// <param name="Id">Its number, which a webhook's receiver gets as <c>X-TaskTracker-Delivery</c>.</param>
/// <param name="NotificationId">The notification; null for a test.</param>
/// <param name="Channel">How it is sent.</param>
/// <param name="Status">How far it is.</param>
/// <param name="Attempts">How many attempts were begun.</param>
/// <param name="LastError">What went wrong last.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="NextAttemptAt">When it is tried next; null once it has ended.</param>
/// <param name="FinishedAt">When it ended.</param>
public sealed record DeliveryResponse(
    long Id,
    long? NotificationId,
    DeliveryChannel Channel,
    DeliveryStatus Status,
    int Attempts,
    string? LastError,
    DateTimeOffset CreatedAt,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? FinishedAt)
{
    internal static DeliveryResponse From(Delivery delivery) => new(
        delivery.Id,
        delivery.NotificationId,
        delivery.Channel,
        delivery.Status,
        delivery.Attempt,
        delivery.LastError,
        delivery.CreatedAt,
        delivery.Status == DeliveryStatus.Pending ? delivery.NextAttemptAt : null,
        delivery.FinishedAt);
}
