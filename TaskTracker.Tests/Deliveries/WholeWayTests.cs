using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TaskTracker.Tests.Api;
using TaskTracker.Tests.Chaos;
using TaskTracker.Tests.Deployment;
using TaskTracker.Tests.Jobs;
using Xunit.Abstractions;

namespace TaskTracker.Tests.Deliveries;

/// <summary>Both services and both channels, by the API alone.</summary>
public sealed class WholeWayTests(ITestOutputHelper output)
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

    // The service is a process of its own: which authorities are trusted is a whole process's matter.
    [Fact]
    public async Task A_password_goes_to_the_mail_server_by_an_encrypted_connection_to_the_one_that_somebody_vouches_for()
    {
        const string Password = "8d1f60c2-of-the-mail-server";
        var folder = Directory.CreateTempSubdirectory("mail").FullName;
        try
        {
            var certificate = await ServerCertificate.CreateAsync(folder);
            using var mail = await MailServer.StartAsync(tls: true, "tasktracker", Password, certificate);
            var settings = new Dictionary<string, string>
            {
                ["SSL_CERT_FILE"] = certificate.Authority,
                ["Email__Host"] = "127.0.0.1",
                ["Email__Port"] = $"{mail.Port}",
                ["Email__From"] = "tasks@example.org",
                ["Email__User"] = "tasktracker",
                ["Email__Password"] = Password,
                ["Email__Tls"] = "true",
            };
            await ChaosSystem.RunAsync(output, "mail", jobs: 1, apis: 1, settings, async system =>
            {
                var client = (await system.CreateUserAsync()).Clients[0];
                using var set = await client.PutAsJsonAsync("/notifications/settings", new { email_enabled = true });
                Assert.Equal(HttpStatusCode.OK, set.StatusCode);
                using var tested = await client.PostAsync(new Uri("/notifications/settings/test", UriKind.Relative), null);
                Assert.Equal(HttpStatusCode.Accepted, tested.StatusCode);

                await Eventually.TrueAsync("the message is there", () => Task.FromResult(mail.Mails.Count == 1));
                var message = mail.Mails.Single();
                Assert.Equal(("tasktracker", true), (message.User, message.Secure));
            });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
