using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Health;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Notifications;

namespace TaskTracker.Api.Notifications;

/// <summary>What the caller was told of, the latest first.</summary>
internal static class NotificationEndpoints
{
    public static RouteGroupBuilder MapNotifications(this IEndpointRouteBuilder routes)
    {
        var notifications = routes.MapGroup("/notifications").WithTags("Notifications").RequireSchema();

        notifications.MapGet("/", ListNotifications).WithName(nameof(ListNotifications))
            .WithSummary("List notifications, the latest first, a page at a time");
        notifications.MapGet("/unread", CountUnread).WithName(nameof(CountUnread)).WithSummary("How many notifications are not read yet");
        notifications.MapNotificationStream();
        notifications.MapNotificationSettings();
        notifications.MapPost("/{id:long}/read", ReadNotification).WithName(nameof(ReadNotification)).WithSummary("Mark a notification as read");

        return notifications;
    }

    private static async Task<Results<Ok<Page<NotificationResponse>>, ValidationProblem>> ListNotifications(
        [AsParameters] NotificationQuery query, ClaimsPrincipal caller, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        var notifications = db.Notifications.Where(notification => notification.OwnerId == owner);
        if (query.Unread is { } unread)
        {
            notifications = notifications.Where(notification => notification.ReadAt == null == unread);
        }

        return await response.PageLatestFirstAsync(notifications, query, NotificationResponse.From, cancellationToken);
    }

    private static async Task<UnreadResponse> CountUnread(ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        return new(await db.Notifications.CountAsync(notification => notification.OwnerId == owner && notification.ReadAt == null, cancellationToken));
    }

    private static async Task<Results<NoContent, NotFound>> ReadNotification(
        long id, ClaimsPrincipal caller, TaskTrackerDbContext db, TimeProvider clock, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        DateTimeOffset? now = clock.GetUtcNow();
        var found = await db.Notifications.Where(notification => notification.Id == id && notification.OwnerId == owner)
            .ExecuteUpdateAsync(set => set.SetProperty(notification => notification.ReadAt, notification => notification.ReadAt ?? now), cancellationToken);

        return found > 0 ? TypedResults.NoContent() : TypedResults.NotFound();
    }
}

/// <summary>Which notifications to list.</summary>
public sealed record NotificationQuery : PageQuery
{
    /// <summary>Only what is not read yet, or only what is.</summary>
    public bool? Unread { get; init; }
}

/// <summary>How many notifications are not read yet.</summary>
/// <param name="Unread">Their number.</param>
public sealed record UnreadResponse(int Unread);

/// <summary>Something the caller was told.</summary>
/// <param name="Id">Its number. A stream that is resumed may tell of one again: it has the same number.</param>
/// <param name="TaskId">The task it is about, which may be gone by now.</param>
/// <param name="Kind">What about the task.</param>
/// <param name="Title">The task's title when it was told.</param>
/// <param name="Deadline">The task's deadline when it was told.</param>
/// <param name="LeadSeconds">How long before the deadline, in seconds.</param>
/// <param name="CreatedAt">When it was told.</param>
/// <param name="ReadAt">When it was first marked as read.</param>
public sealed record NotificationResponse(
    long Id,
    long TaskId,
    NotificationKind Kind,
    string Title,
    DateTimeOffset Deadline,
    long LeadSeconds,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ReadAt)
{
    internal static NotificationResponse From(Notification notification) => new(
        notification.Id,
        notification.TaskId,
        notification.Kind,
        notification.Title,
        notification.Deadline,
        (long)notification.LeadTime.TotalSeconds,
        notification.CreatedAt,
        notification.ReadAt);
}
