using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Jobs;

namespace TaskTracker.Tests.Deliveries;

/// <summary>Both services and both channels, by the API alone.</summary>
public sealed class WholeWayTests
{
    [Fact]
    public async Task A_test_and_a_reminder_reach_the_users_mailbox_and_server_signed_with_the_secret_that_was_shown()
    {
        var database = await Servers.CreateDatabaseAsync();
        using var mail = await MailServer.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var jobs = new JobsHost(database)
        {
            Settings = new Dictionary<string, string>
            {
                ["Webhooks:AllowedNetworks"] = "127.0.0.1/32",
                ["Email:Host"] = "127.0.0.1",
                ["Email:Port"] = $"{mail.Port}",
                ["Email:From"] = "TaskTracker <tasks@example.org>",
            },
        };
        await JobsHost.StartAsync(jobs);
        await using var api = new ApiFactory(database, "127.0.0.1:1", settings: new Dictionary<string, string>
        {
            ["Webhooks:AllowedNetworks"] = "127.0.0.1/32",
            ["Reminders:LeadTimes"] = "00:00:00",
        });
        var user = await api.CreateUserAsync();

        using var set = await user.Client.PutAsJsonAsync("/notifications/settings", new { email_enabled = true, webhook_url = receiver.Url });
        var secret = (await set.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("webhook_secret").GetString()!;
        using var tested = await user.Client.PostAsync("/notifications/settings/test", null);
        Assert.Equal(HttpStatusCode.Accepted, tested.StatusCode);
        await user.Client.CreateTaskAsync("Water the plants", DateTimeOffset.UtcNow.AddSeconds(1).ToString("O"));

        await Eventually.TrueAsync("all four are there", () => Task.FromResult(receiver.Posts.Count == 2 && mail.Mails.Count == 2));
        Assert.All(receiver.Posts, post => Assert.True(post.IsSignedWith(secret, DateTimeOffset.UtcNow)));
        Assert.Equal(["reminder", "test"], receiver.Posts.Select(post => post.Json.GetProperty("kind").GetString()).Order());
        Assert.All(mail.Mails, message => Assert.Equal($"{user.Name}@example.com", Assert.Single(message.To)));
        Assert.Equal(["Reminder: Water the plants", "Test message"], mail.Mails.Select(message => message["Subject"]).Order());
        await Eventually.TrueAsync("the log shows all four as sent", async () =>
            (await user.Client.GetFromJsonAsync<JsonElement>("/notifications/deliveries")).GetProperty("items").EnumerateArray()
                .Count(delivery => delivery.GetProperty("status").GetString() == "sent") == 4);
    }
}
