using System.Net;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Options;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Deliveries;

/// <summary>What sends notifications, without a scheduler: a test says when.</summary>
internal sealed class Courier : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly JobsDatabase _database;

    public Courier(
        JobsDatabase database,
        DeliveryOptions? options = null,
        EmailOptions? email = null,
        string allowedNetworks = "127.0.0.1/32",
        ResolveHost? resolve = null,
        TimeProvider? clock = null)
    {
        _database = database;
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddMetrics();
        services.AddDbContext<TaskTrackerDbContext>(db => db
            .UseNpgsql(database.ConnectionString)
            .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning)));
        services.AddSingleton(clock ?? TimeProvider.System);
        services.AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = "Development" });
        services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        services.AddSingleton(resolve ?? Dns.GetHostAddressesAsync);
        services.AddSingleton(Options.Create(new WebhookOptions { AllowedNetworks = allowedNetworks }));
        services.AddSingleton(Options.Create(options ?? new DeliveryOptions { FirstRetry = TimeSpan.FromMilliseconds(10) }));
        services.AddSingleton(Options.Create(email ?? new EmailOptions()));
        services.AddSingleton<WebhookGuard>();
        services.AddSingleton<WebhookSecrets>();
        services.AddSingleton<WebhookChannel>();
        services.AddSingleton<EmailChannel>();
        services.AddSingleton<DeliveryTelemetry>();
        services.AddScoped<DeliveryLedger>();
        services.AddSingleton<DeliveryRun>();
        _services = services.BuildServiceProvider();
    }

    public IServiceProvider Services => _services;

    public DeliveryRun Run => _services.GetRequiredService<DeliveryRun>();

    public async ValueTask DisposeAsync() => await _services.DisposeAsync();

    /// <summary>Turns channels on, and returns the webhook's secret.</summary>
    public Task<string> SubscribeAsync(Uri? webhook = null, bool email = false) =>
        _database.SubscribeAsync(_services.GetRequiredService<WebhookSecrets>(), webhook, email);

    public async Task<DeliveryReport> SendAsync(CancellationToken cancellationToken = default) =>
        (await Run.SendDueAsync(cancellationToken))!;

    /// <summary>Sends again and again until everything has ended.</summary>
    public Task SendAllAsync() => Eventually.TrueAsync("everything has ended", async () =>
    {
        await SendAsync();
        return (await _database.DeliveriesAsync()).All(delivery => delivery.Status != DeliveryStatus.Pending);
    });

    public async Task<T> WithLedgerAsync<T>(Func<DeliveryLedger, Task<T>> use)
    {
        await using var scope = _services.CreateAsyncScope();
        return await use(scope.ServiceProvider.GetRequiredService<DeliveryLedger>());
    }
}

internal static class DeliveryRows
{
    /// <summary>Turns channels on for the database's owner, and returns the webhook's secret.</summary>
    public static async Task<string> SubscribeAsync(this JobsDatabase database, WebhookSecrets secrets, Uri? webhook, bool email)
    {
        var secret = WebhookSecrets.Create();
        await using var db = database.Open();
        db.NotificationSettings.Add(new NotificationSettings
        {
            OwnerId = database.OwnerId,
            EmailEnabled = email,
            WebhookUrl = webhook?.AbsoluteUri,
            WebhookSecret = webhook is null ? null : secrets.Seal(database.OwnerId, secret),
        });
        await db.SaveChangesAsync();

        return secret;
    }

    /// <summary>Adds test messages that are due.</summary>
    public static async Task AddDeliveriesAsync(this JobsDatabase database, int count, DeliveryChannel channel = DeliveryChannel.Webhook, int? owner = null, int attempt = 0)
    {
        await using var db = database.Open();
        var now = DateTimeOffset.UtcNow;
        db.Deliveries.AddRange(Enumerable.Range(0, count).Select(_ => new Delivery
        {
            OwnerId = owner ?? database.OwnerId,
            Channel = channel,
            Attempt = attempt,
            CreatedAt = now,
            NextAttemptAt = now.AddSeconds(-1),
        }));
        await db.SaveChangesAsync();
    }

    public static async Task<IReadOnlyList<Delivery>> DeliveriesAsync(this JobsDatabase database)
    {
        await using var db = database.Open();
        return await db.Deliveries.AsNoTracking().OrderBy(delivery => delivery.Id).ToListAsync();
    }
}
