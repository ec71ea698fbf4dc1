using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace TaskTracker.Tests.AppHost;

/// <summary>
/// The whole system, started once for all tests of the outer ring: two replicas of each service, the dashboard, and
/// reminders that go out two seconds before their deadline.
/// </summary>
public sealed class RunningSystem : IAsyncLifetime
{
    public static readonly TimeSpan ReminderLeadTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(4);

    private readonly string _browserToken = NewKey();
    private Uri _dashboard = null!;

    public DistributedApplication App { get; private set; } = null!;

    /// <summary>Opens the operations API to its bearer.</summary>
    public string OperatorKey { get; } = NewKey() + NewKey();

    /// <summary>Opens the dashboard's query API to its bearer.</summary>
    public string DashboardKey { get; } = NewKey();

    /// <summary>The address that logs a browser in to the dashboard.</summary>
    public Uri DashboardLogin => new(_dashboard, $"/login?t={_browserToken}");

    public async Task InitializeAsync()
    {
        using var limit = new CancellationTokenSource(StartLimit);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.TaskTracker_AppHost>(
            [
                "--ASPIRE_INTERACTIVITY_ENABLED=false",
                $"--AppHost:DashboardApiKey={DashboardKey}",
                $"--AppHost:BrowserToken={_browserToken}",
                $"--Operations:Key={OperatorKey}",
                "--LocalServices:Persist=false",
                "--Replicas=2",
                $"--Reminders:LeadTimes={ReminderLeadTime:c}",
            ],
            (options, _) => options.DisableDashboard = false,
            limit.Token);

        App = await builder.BuildAsync(limit.Token);
        await App.StartAsync(limit.Token);
        foreach (var name in (string[])["tasktracker", "cache", "jobs", "api"])
        {
            await App.ResourceNotifications.WaitForResourceHealthyAsync(name, limit.Token);
        }

        var dashboard = await App.ResourceNotifications.WaitForResourceAsync(
            "aspire-dashboard", change => change.Snapshot.State?.Text == KnownResourceStates.Running && change.Snapshot.Urls.Length > 0, limit.Token);
        _dashboard = new Uri(dashboard.Snapshot.Urls.First(url => url.Name == "http").Url);
    }

    public async Task DisposeAsync()
    {
        if (App is not null)
        {
            await App.DisposeAsync();
        }
    }

    /// <summary>A client of the API, logged in as a user of its own.</summary>
    public async Task<HttpClient> CreateUserAsync(CancellationToken cancellationToken)
    {
        var client = App.CreateHttpClient("api", "http");
        var name = "user" + Guid.NewGuid().ToString("N")[..12];
        const string Password = "Correct-horse-7";

        using var registered = await client.PostAsJsonAsync(
            "/auth/register", new { username = name, email = $"{name}@example.org", password = Password }, cancellationToken);
        Assert.Equal(HttpStatusCode.OK, registered.StatusCode);

        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = name, ["password"] = Password });
        using var loggedIn = await client.PostAsync("/auth/login", form, cancellationToken);
        Assert.Equal(HttpStatusCode.OK, loggedIn.StatusCode);
        var tokens = await loggedIn.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        client.DefaultRequestHeaders.Authorization = new("Bearer", tokens.GetProperty("access_token").GetString());
        return client;
    }

    /// <summary>Asks the dashboard for telemetry, as OTLP-shaped JSON.</summary>
    public async Task<JsonElement> QueryTelemetryAsync(string path, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = _dashboard };
        client.DefaultRequestHeaders.Add("x-api-key", DashboardKey);
        return await client.GetFromJsonAsync<JsonElement>($"/api/telemetry/{path}", cancellationToken);
    }

    private static string NewKey() => Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
}

[CollectionDefinition(nameof(RunningSystem))]
public sealed class RunningSystemGroup : ICollectionFixture<RunningSystem>;
