using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Engine;
using Aspire.Hosting.Engine.Wire;
using Google.Protobuf;

namespace StandIns.Tests.Engine;

/// <summary>One application with its dashboard, for all tests below.</summary>
public sealed class DashboardFixture : IAsyncLifetime
{
    internal const string Key = "the-key-of-these-tests";

    internal EngineApp App { get; private set; } = null!;

    internal CustomResourceSnapshot Dashboard { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        App = await EngineApp.StartAsync(
            builder => builder.AddShell("idle", "exec sleep 600").WithExplicitStart().ApplicationBuilder.AddShell("worker", "echo hello; exec sleep 600").WithCommand(
                "report",
                "Report",
                _ => Task.FromResult(CommandResults.Success("Done.", "| a | b |\n|---|---|", CommandResultFormat.Markdown, displayImmediately: true)),
                new CommandOptions { ConfirmationMessage = "Really?" }),
            withDashboard: true,
            new KeyValuePair<string, string?>("AppHost:BrowserToken", Key),
            new KeyValuePair<string, string?>("AppHost:DashboardApiKey", Key));
        Dashboard = await App.UntilAsync(Aspire.Hosting.Engine.Dashboard.ResourceName, snapshot => EngineApp.Variable(snapshot, "DASHBOARD__FRONTEND__PUBLICURL") is not null);
        await App.UntilLoggedAsync("worker", "hello");
    }

    public async Task DisposeAsync() => await App.DisposeAsync();
}

/// <summary>The real dashboard and the service behind it, asked as the dashboard and a browser would ask.</summary>
public sealed class DashboardTests(DashboardFixture fixture) : IClassFixture<DashboardFixture>
{
    private readonly EngineApp _app = fixture.App;
    private readonly CustomResourceSnapshot _dashboard = fixture.Dashboard;
    private readonly Uri _frontend = new(EngineApp.Variable(fixture.Dashboard, "DASHBOARD__FRONTEND__PUBLICURL")!);

    [Fact]
    public async Task The_dashboard_lets_in_who_has_the_token()
    {
        using var http = new HttpClient { BaseAddress = _frontend };

        using var right = await http.PostAsJsonAsync("/api/validatetoken", new { token = DashboardFixture.Key }, _app.Limit);
        using var wrong = await http.PostAsJsonAsync("/api/validatetoken", new { token = "another" }, _app.Limit);

        Assert.Equal("true", await right.Content.ReadAsStringAsync(_app.Limit));
        Assert.Equal("false", await wrong.Content.ReadAsStringAsync(_app.Limit));
        Assert.True(_dashboard.IsHidden);
    }

    [Fact]
    public async Task Telemetry_can_be_queried_with_the_key_only()
    {
        using var http = new HttpClient { BaseAddress = _frontend };

        using var without = await http.GetAsync("/api/telemetry/traces", _app.Limit);
        http.DefaultRequestHeaders.Add("x-api-key", DashboardFixture.Key);
        using var with = await http.GetAsync("/api/telemetry/traces", _app.Limit);

        Assert.Equal(HttpStatusCode.Unauthorized, without.StatusCode);
        Assert.Equal(HttpStatusCode.OK, with.StatusCode);
    }

    [Fact]
    public async Task Resources_are_given_at_once_and_their_changes_later()
    {
        using var response = await CallAsync("WatchResources", new ResourcesUpdate());
        var stream = await response.Content.ReadAsStreamAsync(_app.Limit);

        var initial = await ReadAsync(stream, ResourcesUpdate.Parser);
        var worker = Assert.Single(initial.Initial.Resources, resource => resource.DisplayName == "worker");
        Assert.Equal(["start", "stop", "restart", "report"], worker.Commands.Select(command => command.Name).OrderBy(name => name == "report"));
        Assert.Equal("Really?", worker.Commands.Single(command => command.Name == "report").Confirmation);
        Assert.Contains(initial.Initial.Resources, resource => resource.DisplayName == Dashboard.ResourceName && resource.IsHidden);

        await _app.ExecuteAsync("worker", "stop");
        ResourcesUpdate update;
        do
        {
            update = await ReadAsync(stream, ResourcesUpdate.Parser);
        }
        while (!update.Changes.Changes.Any(change => change.Upsert.DisplayName == "worker" && change.Upsert.State == KnownResourceStates.Finished));
    }

    [Fact]
    public async Task A_resource_that_was_never_started_has_a_time_of_creation()
    {
        using var response = await CallAsync("WatchResources", new ResourcesUpdate());
        var stream = await response.Content.ReadAsStreamAsync(_app.Limit);

        var initial = await ReadAsync(stream, ResourcesUpdate.Parser);

        Assert.Contains(initial.Initial.Resources, resource => resource.DisplayName == "idle");
        Assert.All(initial.Initial.Resources, resource => Assert.NotNull(resource.CreatedAt));
    }

    [Fact]
    public async Task Console_logs_are_given_to_their_end()
    {
        var request = new ConsoleLogsRequest { ResourceName = WorkerId(), SuppressFollow = true };
        using var response = await CallAsync("WatchResourceConsoleLogs", request);
        var stream = await response.Content.ReadAsStreamAsync(_app.Limit);

        var update = await ReadAsync(stream, ConsoleLogsUpdate.Parser);
        await stream.CopyToAsync(Stream.Null, _app.Limit);

        Assert.Contains(update.Lines, line => line.Text.EndsWith(" hello", StringComparison.Ordinal) && !line.IsError);
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_command_answers_with_its_table()
    {
        using var response = await CallAsync("ExecuteResourceCommand", new CommandRequest { ResourceName = WorkerId(), CommandName = "report" });

        var answer = await ReadAsync(await response.Content.ReadAsStreamAsync(_app.Limit), CommandResponse.Parser);

        Assert.Equal(CommandOutcome.Succeeded, answer.Outcome);
        Assert.Equal("Done.", answer.Message);
        Assert.Equal(ResultFormat.Markdown, answer.Result.Format);
        Assert.True(answer.Result.DisplayImmediately);
        Assert.StartsWith("| a | b |", answer.Result.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_without_the_key_is_served()
    {
        using var response = await CallAsync("GetApplicationInformation", new ApplicationInformation(), key: "wrong");

        Assert.Equal("16", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_method_that_is_not_there_is_said_to_be_missing()
    {
        using var response = await CallAsync("UploadFile", new ApplicationInformation());

        Assert.Equal("12", response.Headers.GetValues("grpc-status").Single());
    }

    private string WorkerId()
    {
        Assert.True(_app.Notifications.TryGetCurrentState("worker", out var worker));
        return worker.ResourceId;
    }

    private async Task<HttpResponseMessage> CallAsync(string method, IMessage message, string? key = null)
    {
        var address = EngineApp.Variable(_dashboard, "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL")!;
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(new Uri(address), "/aspire.v1.DashboardService/" + method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.Add(ResourceService.KeyHeader, key ?? EngineApp.Variable(_dashboard, "DASHBOARD__RESOURCESERVICECLIENT__APIKEY"));

        // The response reads on after this method; the client ends with the test process.
        return await new HttpClient().SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _app.Limit);
    }

    private async Task<T> ReadAsync<T>(Stream stream, MessageParser<T> parser)
        where T : IMessage<T>
    {
        var prefix = new byte[5];
        await stream.ReadExactlyAsync(prefix, _app.Limit);
        var body = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await stream.ReadExactlyAsync(body, _app.Limit);
        return parser.ParseFrom(body);
    }
}
