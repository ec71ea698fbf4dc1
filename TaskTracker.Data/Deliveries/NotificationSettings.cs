using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Deliveries;

/// <summary>By which channels a user is told outside this system. Without a row: by none.</summary>
public sealed class NotificationSettings
{
    /// <summary>The longest URL, in characters.</summary>
    public const int WebhookUrlMaxLength = 2_000;

    /// <summary>Whose settings.</summary>
    public int OwnerId { get; set; }

    /// <summary>Whether notifications also go to the account's e-mail address.</summary>
    public bool EmailEnabled { get; set; }

    /// <summary>Where notifications are posted to; null for nowhere.</summary>
    public string? WebhookUrl { get; set; }

    /// <summary>What posts are signed with, sealed by <see cref="WebhookSecrets"/>; there is one where there is a URL.</summary>
    public string? WebhookSecret { get; set; }
}

internal sealed class NotificationSettingsConfiguration : IEntityTypeConfiguration<NotificationSettings>
{
    public void Configure(EntityTypeBuilder<NotificationSettings> settings)
    {
        settings.ToTable("notification_settings");
        settings.HasKey(s => s.OwnerId);
        settings.Property(s => s.OwnerId).ValueGeneratedNever();
        settings.Property(s => s.WebhookUrl).HasMaxLength(NotificationSettings.WebhookUrlMaxLength);
    }
}
