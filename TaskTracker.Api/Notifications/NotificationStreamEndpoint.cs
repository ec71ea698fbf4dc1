using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Http;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;
using TaskTracker.Data.Notifications;

namespace TaskTracker.Api.Notifications;

/// <summary>Notifications as server-sent events, as they come.</summary>
internal static class NotificationStreamEndpoint
{
    /// <summary>The most missed notifications that one stream begins with; for more its client comes back.</summary>
    public const int MaxMissed = 1_000;

    // Proxies end connections that are silent for longer, often after a minute or half of one.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public static void MapNotificationStream(this RouteGroupBuilder notifications) =>
        notifications.MapGet("/stream", StreamNotifications).WithName(nameof(StreamNotifications))
            .WithSummary("Notifications as they come: server-sent events, until the token ends")
            .Produces<NotificationResponse>(contentType: "text/event-stream")
            .WithMetadata(new DocumentedExample("text/event-stream", "id: 1\nevent: notification\ndata: {\"id\":1,\"task_id\":1,\"kind\":\"reminder\"}\n\n"));

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> StreamNotifications(
        [FromHeader(Name = LastEventIdHeader)] string? lastEventId,
        ClaimsPrincipal caller,
        NotificationStream stream,
        TaskTrackerDbContext db,
        IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions> json,
        IHostApplicationLifetime application,
        TimeProvider clock,
        HttpContext context)
    {
        long? last = null;
        if (!string.IsNullOrEmpty(lastEventId))
        {
            last = long.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new UnreadableHeaderException(LastEventIdHeader, "Must be the id of an earlier event.");
        }

        var owner = caller.GetUserId();
        if (stream.Join(owner) is not { } news)
        {
            context.Response.Headers.RetryAfter = "5";
            return stream.IsListening
                ? TypedResults.Problem(
                    $"There are too many streams for now: {NotificationStream.MaxOfUser} are the most of one user.", statusCode: StatusCodes.Status429TooManyRequests)
                : TypedResults.Problem("The database cannot be listened to for now: try again.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, application.ApplicationStopping);
        var expires = context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties?.ExpiresUtc;
        end.CancelAfter(expires is { } time && time > clock.GetUtcNow() ? time - clock.GetUtcNow() : TimeSpan.Zero);
        try
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-store";
            // Nginx would collect what is to be sent at once.
            context.Response.Headers["X-Accel-Buffering"] = "no";
            await SendAsync(context.Response, "retry: 2000\n\n", end.Token);

            var missed = last is { } seen ? await FindMissedAsync(db, owner, seen, end.Token) : [];
            foreach (var notification in missed)
            {
                await SendAsync(context.Response, Format(notification, last, json.Value.SerializerOptions), end.Token);
            }

            if (missed.Count(notification => notification.Id > last) < MaxMissed)
            {
                await FollowAsync(news, missed, last, context.Response, json.Value.SerializerOptions, end.Token);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client has gone, the token has ended, or the service stops: so ends the stream.
        }
        finally
        {
            stream.Leave(owner, news);
        }

        return TypedResults.Empty;
    }

    private const string LastEventIdHeader = "Last-Event-ID";

    /// <summary>
    /// What came after the last event a client saw: higher numbers, and lower ones of transactions that had not ended when
    /// that one was inserted, for these may have committed since. Its client may know some of the latter already.
    /// </summary>
    private static async Task<List<Notification>> FindMissedAsync(TaskTrackerDbContext db, int owner, long seen, CancellationToken cancellationToken)
    {
        var ofOwner = db.Notifications.AsNoTracking().Where(row => row.OwnerId == owner);
        var later = await ofOwner.Where(row => row.Id > seen).OrderBy(row => row.Id).Take(MaxMissed).ToListAsync(cancellationToken);
        if (await ofOwner.SingleOrDefaultAsync(row => row.Id == seen, cancellationToken) is not { } last)
        {
            return later;
        }

        // Those of its own transaction were told in the order of their numbers.
        var slower = await ofOwner
            .Where(row => row.Transaction >= last.OldestOpenTransaction && row.Transaction != last.Transaction && row.Id < seen)
            .OrderByDescending(row => row.Id).Take(MaxMissed).ToListAsync(cancellationToken);

        return [.. slower.OrderBy(row => row.Id), .. later];
    }

    private static async Task FollowAsync(
        ChannelReader<Notification> news,
        List<Notification> missed,
        long? last,
        HttpResponse response,
        JsonSerializerOptions json,
        CancellationToken cancellationToken)
    {
        // It may have come both ways: the reader has subscribed before it looked, and another replica may be faster.
        var sent = missed.Select(notification => (long?)notification.Id).Append(last).ToHashSet();
        last = missed.Select(notification => (long?)notification.Id).Append(last).Max();
        var more = news.WaitToReadAsync(cancellationToken).AsTask();
        while (true)
        {
            try
            {
                if (!await more.WaitAsync(Heartbeat, cancellationToken))
                {
                    return;
                }
            }
            catch (TimeoutException)
            {
                await SendAsync(response, ":\n\n", cancellationToken);
                continue;
            }

            while (news.TryRead(out var notification))
            {
                if (!sent.Contains(notification.Id))
                {
                    await SendAsync(response, Format(notification, last, json), cancellationToken);
                    last = last > notification.Id ? last : notification.Id;
                }
            }

            more = news.WaitToReadAsync(cancellationToken).AsTask();
        }
    }

    // One that was overtaken is no event to go on after, and so has no id beside the one in its data.
    private static string Format(Notification notification, long? last, JsonSerializerOptions json) =>
        (notification.Id < last ? "" : $"id: {notification.Id}\n")
        + $"event: notification\ndata: {JsonSerializer.Serialize(NotificationResponse.From(notification), json)}\n\n";

    private static async Task SendAsync(HttpResponse response, string text, CancellationToken cancellationToken)
    {
        await response.WriteAsync(text, cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }
}

/// <summary>Registers what the routes of notifications need.</summary>
internal static class NotificationServices
{
    public static void AddNotifications(this IHostApplicationBuilder builder)
    {
        builder.AddWebhookRules();
        builder.Services.AddScoped<ChannelSettings>();
        builder.Services.AddSingleton<NotificationStream>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<NotificationStream>());
    }
}
