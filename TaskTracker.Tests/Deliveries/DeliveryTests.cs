using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Deliveries;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Jobs.Reminders;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Deliveries;

/// <summary>From a due reminder to what its owner's server and mailbox get, each test over a database of its own.</summary>
public sealed class DeliveryTests : IAsyncLifetime
{
    private const string Request = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_reminder_makes_a_delivery_for_each_channel_that_is_on(bool email, bool webhook)
    {
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(webhook ? new Uri("https://hooks.example/") : null, email);
        await _database.AddTasksAsync(3, DateTimeOffset.UtcNow.AddSeconds(-1), traceParent: Request);

        await RemindAsync(courier);

        var told = (await _database.NotificationsAsync()).Select(notification => (long?)notification.Id).ToList();
        Assert.Equal(3, told.Count);
        var deliveries = await _database.DeliveriesAsync();
        foreach (var (channel, isOn) in new[] { (DeliveryChannel.Email, email), (DeliveryChannel.Webhook, webhook) })
        {
            Assert.Equal(isOn ? told : [], deliveries.Where(delivery => delivery.Channel == channel).Select(delivery => delivery.NotificationId).Order());
        }

        Assert.All(deliveries, delivery => Assert.Equal(
            (_database.OwnerId, DeliveryStatus.Pending, 0, Request), (delivery.OwnerId, delivery.Status, delivery.Attempt, delivery.TraceParent)));
    }

    [Fact]
    public async Task What_fails_is_tried_again_under_the_same_number_until_it_succeeds()
    {
        int[] answers = [500, 429, 404, 204];
        await using var receiver = await WebhookReceiver.StartAsync((count, context) =>
        {
            context.Response.StatusCode = answers[count];
            return Task.CompletedTask;
        });
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);

        await courier.SendAsync();
        var first = Assert.Single(await _database.DeliveriesAsync());
        await courier.SendAllAsync();

        Assert.Equal((DeliveryStatus.Pending, 1, "The receiver answered 500.", null), (first.Status, first.Attempt, first.LastError, first.FinishedAt));
        Assert.Equal(4, receiver.Posts.Count);
        Assert.Single(receiver.Posts.Select(post => post.Delivery).Distinct());
        var last = Assert.Single(await _database.DeliveriesAsync());
        Assert.Equal((DeliveryStatus.Sent, 4, null), (last.Status, last.Attempt, last.LastError));
    }

    [Fact]
    public async Task What_never_succeeds_is_given_up_and_says_why()
    {
        await using var receiver = await WebhookReceiver.StartAsync((_, context) =>
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
        await using var courier = new Courier(_database, new DeliveryOptions { MaxAttempts = 3, FirstRetry = TimeSpan.FromMilliseconds(10) });
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);

        await courier.SendAllAsync();
        await courier.SendAsync();

        Assert.Equal(3, receiver.Posts.Count);
        var delivery = Assert.Single(await _database.DeliveriesAsync());
        Assert.Equal((DeliveryStatus.Failed, 3, "The receiver answered 503."), (delivery.Status, delivery.Attempt, delivery.LastError));
        Assert.NotNull(delivery.FinishedAt);
    }

    [Fact]
    public async Task Waits_grow_fourfold_with_jitter_and_eight_attempts_take_most_of_a_day()
    {
        await using var courier = new Courier(_database, new DeliveryOptions());

        foreach (var (attempt, seconds) in new[] { (1, 30.0), (2, 120), (3, 480), (4, 1_920), (5, 7_680), (6, 28_800), (7, 28_800), (19, 28_800) })
        {
            var waits = Enumerable.Range(0, 100).Select(_ => courier.Run.DelayAfter(attempt).TotalSeconds).ToList();
            Assert.All(waits, wait => Assert.InRange(wait, 0.8 * seconds, 1.2 * seconds));
            Assert.True(waits.Distinct().Count() > 50);
        }
    }

    [Fact]
    public async Task An_attempt_whose_taker_died_is_taken_over_and_the_dead_can_write_nothing()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var dead = new Courier(_database, clock: new ShiftedClock(-DeliveryLedger.Lease));
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);
        await _database.QueryAsync<object>("update deliveries set next_attempt_at = '2000-01-01' returning id");

        var stale = Assert.Single(await dead.WithLedgerAsync(ledger => ledger.ClaimAsync(10, default)));
        await courier.SendAsync();

        Assert.Single(receiver.Posts);
        Assert.False(await dead.WithLedgerAsync(ledger => ledger.EndAsync(stale, DeliveryStatus.Failed, "stale", default)));
        Assert.False(await dead.WithLedgerAsync(ledger => ledger.RetryAsync(stale, DateTimeOffset.UtcNow, "stale", default)));
        Assert.Equal(0, await dead.WithLedgerAsync(ledger => ledger.GiveBackAsync([stale], default)));
        var delivery = Assert.Single(await _database.DeliveriesAsync());
        Assert.Equal((DeliveryStatus.Sent, 2, null), (delivery.Status, delivery.Attempt, delivery.LastError));
    }

    [Fact]
    public async Task What_somebody_is_sending_is_nobody_elses()
    {
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(new Uri("https://hooks.example/"));
        await _database.AddDeliveriesAsync(3);

        var mine = await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(2, default));

        Assert.True(await courier.WithLedgerAsync(ledger => ledger.IsAnyDueAsync(default)));
        Assert.Single(await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(10, default)));
        Assert.False(await courier.WithLedgerAsync(ledger => ledger.IsAnyDueAsync(default)));
        Assert.Equal(2, await courier.WithLedgerAsync(ledger => ledger.GiveBackAsync(mine, default)));
        Assert.Equal([1, 1], (await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(10, default))).Select(claimed => claimed.Attempt));
    }

    [Fact]
    public async Task Work_that_kills_its_process_each_time_is_given_up()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1, attempt: new DeliveryOptions().MaxAttempts);

        await courier.SendAsync();

        Assert.Empty(receiver.Posts);
        Assert.Equal("Given up: the last attempt never came to an end.", Assert.Single(await _database.DeliveriesAsync()).LastError);
    }

    [Fact]
    public async Task A_channel_that_was_turned_off_gets_nothing_any_more()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);
        await _database.QueryAsync<object>("update notification_settings set webhook_url = null, webhook_secret = null returning 1");

        await courier.SendAsync();

        Assert.Empty(receiver.Posts);
        Assert.Equal(DeliveryStatus.Cancelled, Assert.Single(await _database.DeliveriesAsync()).Status);
    }

    [Fact]
    public async Task A_receiver_that_is_away_is_asked_once_for_all()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        listener.Stop();
        var stranger = await AddUserAsync();
        var options = new DeliveryOptions { Parallelism = 1, FirstRetry = TimeSpan.FromHours(1), MaxAttempts = 3 };
        await using var courier = new Courier(_database, options);
        await courier.SubscribeAsync(url);
        await _database.AddDeliveriesAsync(20);
        await _database.AddDeliveriesAsync(1, attempt: 2);
        await _database.AddDeliveriesAsync(1, owner: stranger);
        await _database.AddDeliveriesAsync(1, DeliveryChannel.Email);

        var report = await courier.SendAsync();

        // Of what was due only the batch was tried: two, for one sender.
        Assert.InRange(report[DeliveryOutcome.Retried], 1, 2);
        Assert.Equal(2, report[DeliveryOutcome.Cancelled]);
        var mine = (await _database.DeliveriesAsync()).Where(delivery => delivery.OwnerId == _database.OwnerId && delivery.Channel == DeliveryChannel.Webhook).ToList();
        Assert.Equal((DeliveryStatus.Failed, 3), (mine[^1].Status, mine[^1].Attempt));
        Assert.All(mine[..^1], delivery => Assert.Equal(
            (DeliveryStatus.Pending, 1, "The receiver cannot be reached."), (delivery.Status, delivery.Attempt, delivery.LastError)));
        Assert.All(mine[..^1], delivery => Assert.True(delivery.NextAttemptAt > DateTimeOffset.UtcNow.AddMinutes(30)));
    }

    [Fact]
    public async Task A_run_that_is_stopped_gives_back_what_it_holds()
    {
        await using var receiver = await WebhookReceiver.StartAsync((_, context) => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var courier = new Courier(_database, new DeliveryOptions { Parallelism = 2 });
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(10);
        using var stop = new CancellationTokenSource();

        var run = courier.Run.SendDueAsync(stop.Token);
        await Eventually.TrueAsync("both senders wait for an answer", () => Task.FromResult(receiver.Posts.Count == 2));
        Assert.True(courier.Run.IsUnderWay);
        Assert.Null(await courier.Run.SendDueAsync(CancellationToken.None));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);

        Assert.False(courier.Run.IsUnderWay);
        Assert.All(await _database.DeliveriesAsync(), delivery => Assert.Equal((DeliveryStatus.Pending, 0), (delivery.Status, delivery.Attempt)));
        Assert.Equal(10, (await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(100, default))).Count);
    }

    [Fact]
    public async Task An_attempt_is_a_span_that_links_to_the_request_and_is_counted_without_its_address()
    {
        var spans = new ConcurrentBag<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Add,
        };
        ActivitySource.AddActivityListener(listener);
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var courier = new Courier(_database);
        var counted = new ConcurrentBag<string>();
        var meters = courier.Services.GetRequiredService<IMeterFactory>();
        using var meter = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == meters)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) => counted.Add(
            $"{instrument.Name} {value} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}"));
        meter.Start();
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddTasksAsync(1, DateTimeOffset.UtcNow.AddSeconds(-1), traceParent: Request);
        await RemindAsync(courier);

        using var run = new Activity("deliver_notifications").Start();
        await courier.SendAsync();
        run.Stop();

        var ours = spans.Where(span => span.TraceId == run.TraceId).ToList();
        var span = Assert.Single(ours, span => span.OperationName == "deliver notification");
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", Assert.Single(span.Links).Context.TraceId.ToHexString());
        Assert.Equal(("webhook", 1, "sent"), (span.GetTagItem("tasktracker.delivery.channel"), span.GetTagItem("tasktracker.delivery.attempt"), span.GetTagItem("tasktracker.delivery.outcome")));
        Assert.Contains("tasktracker.notifications.deliveries 1 webhook sent", counted);
        Assert.DoesNotContain(ours, span => span.Source.Name.StartsWith("System.Net", StringComparison.Ordinal));
        Assert.DoesNotContain(ours.SelectMany(span => span.TagObjects), tag => $"{tag.Value}".Contains(receiver.Url.Authority, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Two_replicas_send_each_of_1000_notifications_once_as_soon_as_they_are_due()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var one = NewHost();
        await using var two = NewHost();
        await JobsHost.StartAsync(one, two);
        var secret = await _database.SubscribeAsync(one.Services.GetRequiredService<WebhookSecrets>(), receiver.Url, email: false);

        await _database.AddTasksAsync(1_000, DateTimeOffset.UtcNow, notify: true);
        await Eventually.TrueAsync("all are sent", async () => (await _database.DeliveriesAsync()).Count(delivery => delivery.Status == DeliveryStatus.Sent) == 1_000);

        var deliveries = await _database.DeliveriesAsync();
        Assert.All(deliveries, delivery => Assert.Equal(1, delivery.Attempt));
        Assert.Equal(
            deliveries.Select(delivery => delivery.Id.ToString(CultureInfo.InvariantCulture)).Order(),
            receiver.Posts.Select(post => post.Delivery).Order());
        Assert.All(receiver.Posts, post => Assert.True(post.IsSignedWith(secret, DateTimeOffset.UtcNow)));
    }

    [Fact]
    public async Task What_a_stopped_replica_was_sending_is_sent_by_another()
    {
        var isAnswering = false;
        await using var receiver = await WebhookReceiver.StartAsync((_, context) =>
            Volatile.Read(ref isAnswering) ? Task.CompletedTask : Task.Delay(Timeout.Infinite, context.RequestAborted));
        var first = NewHost();
        await using var second = NewHost();
        await JobsHost.StartAsync(first);
        await _database.SubscribeAsync(first.Services.GetRequiredService<WebhookSecrets>(), receiver.Url, email: false);
        await _database.AddTaskAsync(DateTimeOffset.UtcNow, notify: true);
        await Eventually.TrueAsync("the first replica waits for an answer", () => Task.FromResult(receiver.Posts.Count == 1));

        await first.DisposeAsync();
        Volatile.Write(ref isAnswering, true);
        await JobsHost.StartAsync(second);

        await Eventually.TrueAsync("it is sent", async () => (await _database.DeliveriesAsync()).Single().Status == DeliveryStatus.Sent);
        Assert.Single(receiver.Posts.Select(post => post.Delivery).Distinct());
    }

    private JobsHost NewHost() => new(_database.ConnectionString)
    {
        Settings = new Dictionary<string, string> { ["Webhooks:AllowedNetworks"] = "127.0.0.1/32" },
    };

    private async Task RemindAsync(Courier courier)
    {
        await using var db = _database.Open();
        var telemetry = new ReminderTelemetry(courier.Services.GetRequiredService<IMeterFactory>());
        await new ReminderDelivery(db, telemetry, TimeProvider.System).DeliverDueAsync(CancellationToken.None);
    }

    private async Task<int> AddUserAsync()
    {
        await using var db = _database.Open();
        var user = new User { UserName = "eve", NormalizedUserName = "EVE", Email = "eve@example.org", NormalizedEmail = "EVE@EXAMPLE.ORG", IsActive = true };
        db.Users.Add(user);
        await db.SaveChangesAsync();
        return user.Id;
    }

    private sealed class ShiftedClock(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow + shift;
    }
}
