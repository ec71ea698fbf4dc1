using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Data.Deliveries;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Deliveries;

/// <summary>One post at a time, to a real server.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private JobsDatabase _database = null!;

    public async Task InitializeAsync() => _database = await JobsDatabase.CreateAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task What_is_posted_is_signed_and_says_what_the_notification_says()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var courier = new Courier(_database);
        var secret = await courier.SubscribeAsync(receiver.Url);
        var deadline = new DateTimeOffset(2030, 1, 31, 8, 30, 0, TimeSpan.Zero);
        var task = await _database.QueryAsync<long>(
            $"insert into tasks (owner_id, title, description, completed, created_at, updated_at) values ({_database.OwnerId}, 'Grüße', '', false, now(), now()) returning id");
        await _database.QueryAsync<object>(
            $"""
            with told as (
                insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
                values ({_database.OwnerId}, {task}, 'reminder', 'Grüße', '{deadline:O}', '1 day', now())
                returning id, owner_id, created_at, null as trace_parent
            ), {NewDeliveries.Queued}
            select count(*) from queued
            """);

        await courier.SendAsync();

        var post = Assert.Single(receiver.Posts);
        var delivery = Assert.Single(await _database.DeliveriesAsync());
        Assert.Equal("POST /hooks/1", post.Request);
        Assert.True(post.IsSignedWith(secret, DateTimeOffset.UtcNow));
        Assert.False(post.IsSignedWith(secret + "x", DateTimeOffset.UtcNow));
        Assert.False((post with { Body = post.Body.Replace("reminder", "overdue!", StringComparison.Ordinal) }).IsSignedWith(secret, DateTimeOffset.UtcNow));
        Assert.Equal($"{delivery.Id}", post.Delivery);
        Assert.Equal("application/json; charset=utf-8", post.Headers["Content-Type"]);
        Assert.DoesNotContain("traceparent", post.Headers.Keys);
        Assert.Equal(
            (delivery.Id, "reminder", delivery.NotificationId!.Value, task, "Grüße", "2030-01-31T08:30:00.000000Z", 86_400L),
            (post.Json.GetProperty("delivery_id").GetInt64(), post.Json.GetProperty("kind").GetString(), post.Json.GetProperty("notification_id").GetInt64(),
                post.Json.GetProperty("task_id").GetInt64(), post.Json.GetProperty("title").GetString(), post.Json.GetProperty("deadline").GetString(),
                post.Json.GetProperty("lead_seconds").GetInt64()));
        Assert.Equal((DeliveryStatus.Sent, 1, null), (delivery.Status, delivery.Attempt, delivery.LastError));
        Assert.NotNull(delivery.FinishedAt);
    }

    [Fact]
    public async Task A_name_that_turns_to_loopback_after_it_was_checked_is_not_called()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var url = new Uri($"http://rebind.example:{receiver.Url.Port}/");
        var answers = new Queue<string>(["93.184.216.34", "127.0.0.1"]);
        await using var courier = new Courier(_database, allowedNetworks: "", resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(answers.Dequeue())]));
        await courier.Services.GetRequiredService<WebhookGuard>().CheckAsync(url.AbsoluteUri, CancellationToken.None);
        await courier.SubscribeAsync(url);
        await _database.AddDeliveriesAsync(1);

        await courier.SendAsync();

        var delivery = Assert.Single(await _database.DeliveriesAsync());
        Assert.Equal((DeliveryStatus.Failed, 1, "The webhook's URL may not be called. Its host is not a public one."), (delivery.Status, delivery.Attempt, delivery.LastError));
        Assert.Empty(receiver.Posts);
        Assert.Empty(answers);
    }

    [Fact]
    public async Task The_address_that_was_checked_is_the_one_that_is_called()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var asked = 0;
        await using var courier = new Courier(_database, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(asked++ == 0 ? "127.0.0.1" : "127.0.0.2")]));
        await courier.SubscribeAsync(new Uri($"http://hooks.example:{receiver.Url.Port}/"));
        await _database.AddDeliveriesAsync(1);

        await courier.SendAsync();

        Assert.Equal("hooks.example:" + receiver.Url.Port, Assert.Single(receiver.Posts).Headers["Host"]);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var inside = await WebhookReceiver.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync((_, context) =>
        {
            context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            context.Response.Headers.Location = inside.Url.AbsoluteUri;
            return Task.CompletedTask;
        });
        await using var courier = new Courier(_database, new DeliveryOptions { MaxAttempts = 1 });
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);

        await courier.SendAsync();

        Assert.Single(receiver.Posts);
        Assert.Empty(inside.Posts);
        Assert.StartsWith("The receiver answered 307:", Assert.Single(await _database.DeliveriesAsync()).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endless_answer_is_not_read()
    {
        // A bare socket: a server goes on taking bytes for a connection that is gone.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answer = AnswerWithoutEndAsync(listener);
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"));
        await _database.AddDeliveriesAsync(1);

        await courier.SendAsync();

        Assert.Equal(DeliveryStatus.Sent, Assert.Single(await _database.DeliveriesAsync()).Status);
        // What the sockets hold between the two, and what is read off a connection before it is given up.
        Assert.InRange(await answer.WaitAsync(TimeSpan.FromSeconds(30)), 0, 20_000_000);
    }

    private static async Task<long> AnswerWithoutEndAsync(TcpListener listener)
    {
        using var client = await listener.AcceptTcpClientAsync();
        var stream = client.GetStream();
        var block = new byte[64 * 1024];
        _ = await stream.ReadAsync(block);
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"u8.ToArray());
        var written = 0L;
        try
        {
            while (true)
            {
                await stream.WriteAsync(block);
                written += block.Length;
            }
        }
        catch (IOException)
        {
            return written;
        }
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_is_left_after_a_while()
    {
        await using var receiver = await WebhookReceiver.StartAsync((_, context) => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(receiver.Url);
        await _database.AddDeliveriesAsync(1);
        using var channel = new WebhookChannel(
            courier.Services.GetRequiredService<WebhookGuard>(), courier.Services.GetRequiredService<WebhookSecrets>(), TimeProvider.System, TimeSpan.FromSeconds(0.3));
        var claimed = Assert.Single(await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(1, default)));

        var failure = await Assert.ThrowsAsync<DeliveryException>(() => channel.SendAsync(claimed, CancellationToken.None));

        Assert.Equal(("The receiver did not answer within 0.3 s.", true, false), (failure.Message, failure.IsUnreachable, failure.IsFinal));
    }

    [Fact]
    public async Task A_receiver_that_speaks_no_HTTP_or_is_away_fails_with_a_sentence_that_names_no_address()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var courier = new Courier(_database);
        await courier.SubscribeAsync(new Uri($"http://127.0.0.1:{port}/"));
        await _database.AddDeliveriesAsync(1);
        var claimed = Assert.Single(await courier.WithLedgerAsync(ledger => ledger.ClaimAsync(1, default)));
        var channel = courier.Services.GetRequiredService<WebhookChannel>();

        var sending = channel.SendAsync(claimed, CancellationToken.None);
        using (var peer = await listener.AcceptTcpClientAsync())
        {
            await peer.GetStream().WriteAsync("220 mail.example ESMTP\r\n"u8.ToArray());
            var failure = await Assert.ThrowsAsync<DeliveryException>(() => sending);
            Assert.Equal(("The receiver's answer is not HTTP, or too long.", false), (failure.Message, failure.IsUnreachable));
        }

        listener.Stop();
        var gone = await Assert.ThrowsAsync<DeliveryException>(() => channel.SendAsync(claimed, CancellationToken.None));
        Assert.Equal(("The receiver cannot be reached.", true), (gone.Message, gone.IsUnreachable));
    }
}
