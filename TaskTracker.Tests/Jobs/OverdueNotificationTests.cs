using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Jobs;

[Collection(OperationTestsCollection.Name)]
public sealed class OverdueNotificationTests(OperationsFixture services)
{
    [Fact]
    public async Task An_overdue_task_is_among_its_owners_notifications_after_a_run()
    {
        var user = await services.Api.CreateUserAsync();
        var task = await user.Client.CreateTaskAsync("late", "2020-01-01T00:00:00Z");

        var scheduler = await services.Jobs.GetRequiredService<ISchedulerFactory>().GetScheduler();
        await scheduler.TriggerJob(JobKeys.CheckOverdueTasks);

        JsonElement[] notifications = [];
        await Eventually.TrueAsync("the owner is told", async () =>
        {
            var page = await user.Client.GetFromJsonAsync<JsonElement>("/notifications");
            notifications = [.. page.GetProperty("items").EnumerateArray()];
            return notifications.Length > 0;
        });
        var notification = Assert.Single(notifications);
        Assert.Equal("overdue", notification.GetProperty("kind").GetString());
        Assert.Equal(task, notification.GetProperty("task_id").GetInt64());
    }
}
