using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Api.Notifications;

/// <summary>By which channels the caller is told outside this system, and what became of it.</summary>
internal static class NotificationSettingsEndpoints
{
    public static void MapNotificationSettings(this IEndpointRouteBuilder notifications)
    {
        notifications.MapGet("/settings", GetNotificationSettings).WithName(nameof(GetNotificationSettings))
            .WithSummary("By which channels the caller is told");
        notifications.MapPut("/settings", UpdateNotificationSettings).WithName(nameof(UpdateNotificationSettings))
            .WithSummary("Turn channels on and off: a field that is absent stays; a new URL's secret is shown once").ProducesValidationProblem();
        notifications.MapDelete("/settings", DeleteNotificationSettings).WithName(nameof(DeleteNotificationSettings))
            .WithSummary("Turn all channels off and forget the webhook");
        notifications.MapPost("/settings/test", TestNotificationSettings).WithName(nameof(TestNotificationSettings))
            .WithSummary("Send a test message by every channel that is on")
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status429TooManyRequests);
        notifications.MapGet("/deliveries", ListDeliveries).WithName(nameof(ListDeliveries))
            .WithSummary("What was sent by e-mail and webhook, the latest first, a page at a time").ProducesValidationProblem();
    }

    private static async Task<NotificationSettingsResponse> GetNotificationSettings(
        ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        return NotificationSettingsResponse.From(
            await db.NotificationSettings.AsNoTracking().SingleOrDefaultAsync(settings => settings.OwnerId == owner, cancellationToken));
    }

    private static async Task<Results<Ok<NotificationSettingsResponse>, ValidationProblem>> UpdateNotificationSettings(
        UpdateNotificationSettingsRequest request, ClaimsPrincipal caller, WebhookGuard guard, ChannelSettings channels, CancellationToken cancellationToken)
    {
        try
        {
            if (request.WebhookUrl is { } url)
            {
                await guard.CheckAsync(url, cancellationToken);
            }
        }
        catch (WebhookRefusedException refusal)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { [nameof(request.WebhookUrl)] = [refusal.Message] });
        }

        return TypedResults.Ok(await channels.UpdateAsync(caller.GetUserId(), request, cancellationToken));
    }

    private static async Task<NoContent> DeleteNotificationSettings(
        ClaimsPrincipal caller, TaskTrackerDbContext db, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        await db.NotificationSettings.Where(settings => settings.OwnerId == owner).ExecuteDeleteAsync(cancellationToken);

        return TypedResults.NoContent();
    }

    private static async Task<Results<Accepted<List<DeliveryResponse>>, ProblemHttpResult>> TestNotificationSettings(
        ClaimsPrincipal caller, ChannelSettings channels, HttpResponse response, CancellationToken cancellationToken)
    {
        if (await channels.TestAsync(caller.GetUserId(), cancellationToken) is not { } queued)
        {
            response.Headers.RetryAfter = $"{ChannelSettings.BetweenTests.TotalSeconds:0}";
            return TypedResults.Problem(statusCode: StatusCodes.Status429TooManyRequests);
        }

        return queued.Count > 0
            ? TypedResults.Accepted("/notifications/deliveries", queued.ConvertAll(DeliveryResponse.From))
            : TypedResults.Problem("No channel is on: turn one on by PUT /notifications/settings.", statusCode: StatusCodes.Status409Conflict);
    }

    private static async Task<Results<Ok<Page<DeliveryResponse>>, ValidationProblem>> ListDeliveries(
        [AsParameters] PageQuery query, ClaimsPrincipal caller, TaskTrackerDbContext db, HttpResponse response, CancellationToken cancellationToken)
    {
        var owner = caller.GetUserId();
        return await response.PageLatestFirstAsync(
            db.Deliveries.Where(delivery => delivery.OwnerId == owner), query, DeliveryResponse.From, cancellationToken);
    }
}
