using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using TaskTracker.Data.Deliveries;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Deliveries;

[Collection(ApiTests.Name)]
public sealed class NotificationSettingsTests(ApiFixture api)
{
    // Checking a URL resolves its host but connects to nothing; an address needs no name server.
    private const string Url = "https://93.184.216.34/hooks/1?key=x";

    [Fact]
    public async Task Everything_is_off_until_it_is_turned_on_and_after_it_was_deleted()
    {
        var user = await api.First.CreateUserAsync();
        const string Off = """{"email_enabled":false,"webhook_url":null,"webhook_secret_set":false,"webhook_secret":null}""";
        Assert.Equal(Off, await user.Client.GetStringAsync("/notifications/settings"));

        await PutAsync(user.Client, new { email_enabled = true, webhook_url = Url });
        using var deleted = await user.Client.DeleteAsync("/notifications/settings");

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(Off, await user.Client.GetStringAsync("/notifications/settings"));
    }

    [Fact]
    public async Task A_field_that_is_absent_stays_and_a_URL_that_is_null_goes_with_its_secret()
    {
        var user = await api.First.CreateUserAsync();
        await PutAsync(user.Client, new { webhook_url = Url });

        var email = await PutAsync(user.Client, new { email_enabled = true });
        Assert.Equal((true, Url, true), (email.GetProperty("email_enabled").GetBoolean(), email.GetProperty("webhook_url").GetString(), email.GetProperty("webhook_secret_set").GetBoolean()));

        var gone = await PutAsync(user.Client, new Dictionary<string, string?> { ["webhook_url"] = null });
        Assert.Equal((true, null, false), (gone.GetProperty("email_enabled").GetBoolean(), gone.GetProperty("webhook_url").GetString(), gone.GetProperty("webhook_secret_set").GetBoolean()));
    }

    [Fact]
    public async Task A_secret_is_shown_once_kept_sealed_and_made_anew_for_another_URL()
    {
        var user = await api.First.CreateUserAsync();

        var first = (await PutAsync(user.Client, new { webhook_url = Url })).GetProperty("webhook_secret").GetString()!;
        Assert.StartsWith("whsec_", first, StringComparison.Ordinal);
        Assert.Null((await PutAsync(user.Client, new { webhook_url = Url })).GetProperty("webhook_secret").GetString());
        Assert.DoesNotContain(first, await user.Client.GetStringAsync("/notifications/settings"), StringComparison.Ordinal);
        var stored = await api.First.WithDatabaseAsync(async db => (await db.NotificationSettings.FindAsync(user.Id))!.WebhookSecret!);
        Assert.DoesNotContain(first, stored, StringComparison.Ordinal);

        var second = (await PutAsync(user.Client, new { webhook_url = Url + "y" })).GetProperty("webhook_secret").GetString();
        Assert.NotNull(second);
        Assert.NotEqual(first, second);
    }

    [Theory]
    [InlineData("""{"webhook_url":"http://127.0.0.1/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://localhost:8000/tasks"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://2130706433/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://0x7f.1/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://[::1]/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://[::ffff:10.0.0.1]/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"http://169.254.169.254/latest/meta-data"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"https://10.0.0.1"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"https://user:password@93.184.216.34/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"ftp://93.184.216.34/"}""", "webhook_url")]
    [InlineData("""{"webhook_url":"hooks"}""", "webhook_url")]
    [InlineData("""{"webhook_url":""}""", "webhook_url")]
    [InlineData("""{"webhook_url":7}""", "webhook_url")]
    [InlineData("""{"webhook_url":"https://93.184.216.34/\u0000"}""", "webhook_url")]
    [InlineData("""{"email_enabled":true,"webhook_url":"http://10.1.2.3/"}""", "webhook_url")]
    [InlineData("""{"email_enabled":null}""", "email_enabled")]
    [InlineData("""{"email_enabled":"yes"}""", "email_enabled")]
    [InlineData("[]", "body")]
    public async Task Bad_input_is_refused_whole_with_the_field_named(string body, string field)
    {
        var user = await api.First.CreateUserAsync();

        using var response = await user.Client.PutAsync("/notifications/settings", new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty(field, out _));
        Assert.False(await api.First.WithDatabaseAsync(async db => await db.NotificationSettings.FindAsync(user.Id) is not null));
    }

    [Fact]
    public async Task A_URL_of_more_than_2000_characters_is_refused()
    {
        var user = await api.First.CreateUserAsync();

        using var response = await user.Client.PutAsJsonAsync("/notifications/settings", new { webhook_url = "https://93.184.216.34/".PadRight(2_001, 'x') });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Settings_and_deliveries_are_their_owners_alone()
    {
        var ada = await api.First.CreateUserAsync();
        var eve = await api.First.CreateUserAsync();
        await PutAsync(ada.Client, new { email_enabled = true, webhook_url = Url });
        using var tested = await ada.Client.PostAsync("/notifications/settings/test", null);
        Assert.Equal(HttpStatusCode.Accepted, tested.StatusCode);

        using (var deleted = await eve.Client.DeleteAsync("/notifications/settings"))
        {
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        Assert.DoesNotContain("93.184", await eve.Client.GetStringAsync("/notifications/settings"), StringComparison.Ordinal);
        Assert.Empty((await eve.Client.GetFromJsonAsync<JsonElement>("/notifications/deliveries")).GetProperty("items").EnumerateArray());
        Assert.Equal(2, (await ada.Client.GetFromJsonAsync<JsonElement>("/notifications/deliveries")).GetProperty("items").GetArrayLength());
        Assert.True((await ada.Client.GetFromJsonAsync<JsonElement>("/notifications/settings")).GetProperty("webhook_secret_set").GetBoolean());
    }

    [Theory]
    [InlineData("GET", "/notifications/settings")]
    [InlineData("PUT", "/notifications/settings")]
    [InlineData("DELETE", "/notifications/settings")]
    [InlineData("POST", "/notifications/settings/test")]
    [InlineData("GET", "/notifications/deliveries")]
    public async Task Nobody_gets_in_without_a_token(string method, string path)
    {
        using var client = api.First.CreateClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = JsonContent.Create(new { }) };
        using var response = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task A_test_needs_a_channel_and_is_not_repeated_at_once()
    {
        var user = await api.First.CreateUserAsync();
        using (var none = await user.Client.PostAsync("/notifications/settings/test", null))
        {
            Assert.Equal(HttpStatusCode.Conflict, none.StatusCode);
        }

        await PutAsync(user.Client, new { webhook_url = Url });
        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => user.Client.PostAsync("/notifications/settings/test", null)));

        Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.Accepted);
        Assert.Equal(2, answers.Count(answer => answer.StatusCode == HttpStatusCode.TooManyRequests && answer.Headers.RetryAfter is not null));
        Array.ForEach(answers, answer => answer.Dispose());
    }

    [Fact]
    public async Task The_log_has_pages_the_latest_first()
    {
        var user = await api.First.CreateUserAsync();
        var now = DateTimeOffset.UtcNow;
        await api.First.WithDatabaseAsync(async db =>
        {
            db.Deliveries.AddRange(Enumerable.Range(0, 5).Select(number => new Delivery
            {
                OwnerId = user.Id,
                Channel = DeliveryChannel.Webhook,
                Status = number == 0 ? DeliveryStatus.Failed : DeliveryStatus.Pending,
                LastError = number == 0 ? "The receiver answered 500." : null,
                FinishedAt = number == 0 ? now : null,
                CreatedAt = now,
                // Nobody sends here.
                NextAttemptAt = now.AddDays(1),
            }));
            return await db.SaveChangesAsync();
        });

        var pages = new List<JsonElement[]>();
        for (var url = "/notifications/deliveries?limit=2"; url is not null;)
        {
            var page = await user.Client.GetFromJsonAsync<JsonElement>(url);
            pages.Add([.. page.GetProperty("items").EnumerateArray()]);
            url = page.GetProperty("next_cursor").GetString() is { } cursor ? $"/notifications/deliveries?limit=2&cursor={cursor}" : null;
        }

        Assert.Equal([2, 2, 1], pages.Select(page => page.Length));
        var ids = pages.SelectMany(page => page).Select(item => item.GetProperty("id").GetInt64()).ToList();
        Assert.Equal(ids.OrderDescending(), ids);
        var last = pages[2][0];
        Assert.Equal(
            ("webhook", "failed", "The receiver answered 500.", null),
            (last.GetProperty("channel").GetString(), last.GetProperty("status").GetString(), last.GetProperty("last_error").GetString(), last.GetProperty("next_attempt_at").GetString()));

        using var bad = await user.Client.GetAsync("/notifications/deliveries?limit=0&cursor=x");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
    }

    private static async Task<JsonElement> PutAsync(HttpClient client, object settings)
    {
        using var response = await client.PutAsJsonAsync("/notifications/settings", settings);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);

        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
