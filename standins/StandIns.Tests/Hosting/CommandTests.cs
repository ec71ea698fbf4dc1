using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace StandIns.Tests.Hosting;

public class CommandTests
{
    [Fact]
    public async Task A_command_runs_with_its_resource_and_its_result_comes_back()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".").WithCommand("report", "Report", context =>
            Task.FromResult(CommandResults.Success("done", $"# {context.ResourceName}", CommandResultFormat.Markdown)));
        await app.PublishAsync(api.Resource, KnownResourceStates.Running);

        var result = await Commands(app).ExecuteCommandAsync("api", "report", app.Limit);

        Assert.True(result.Success);
        Assert.Equal("# api", result.Data?.Value);
        Assert.Equal(CommandResultFormat.Markdown, result.Data?.Format);
    }

    [Fact]
    public async Task A_command_that_throws_or_does_not_exist_is_a_failed_result()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".").WithCommand("break", "Break", _ => throw new InvalidOperationException("broken"));
        await app.PublishAsync(api.Resource, KnownResourceStates.Running);

        Assert.Equal("broken", (await Commands(app).ExecuteCommandAsync("api", "break", app.Limit)).Message);
        Assert.False((await Commands(app).ExecuteCommandAsync("api", "none", app.Limit)).Success);
        Assert.False((await Commands(app).ExecuteCommandAsync("nobody", "break", app.Limit)).Success);
    }

    [Fact]
    public async Task A_replicated_resource_is_commanded_as_one()
    {
        await using var app = new TestApplication();
        var commanded = new System.Collections.Concurrent.ConcurrentBag<string>();
        var api = app.Builder.AddExecutable("api", "api", ".").WithCommand("note", "Note", context =>
        {
            commanded.Add(context.ResourceName);
            return Task.FromResult(CommandResults.Success());
        });
        api.Resource.Annotations.Add(new DcpInstancesAnnotation([new("api-a", "a", 0), new("api-b", "b", 1)]));

        Assert.True((await Commands(app).ExecuteCommandAsync(api.Resource, "note", app.Limit)).Success);
        Assert.Equal(["api-a", "api-b"], commanded.Order());
    }

    [Fact]
    public async Task An_http_command_can_be_used_only_while_the_resource_runs()
    {
        await using var app = new TestApplication();
        var api = app.Builder.AddExecutable("api", "api", ".").WithHttpEndpoint().WithHttpCommand("/ops/run", "Run", commandName: "run");

        await app.PublishAsync(api.Resource, KnownResourceStates.Starting);
        Assert.Equal(ResourceCommandState.Disabled, State(app));
        await app.PublishAsync(api.Resource, KnownResourceStates.Running);
        Assert.Equal(ResourceCommandState.Enabled, State(app));
        Assert.Equal("Endpoints are not yet allocated.", (await Commands(app).ExecuteCommandAsync("api", "run", app.Limit)).Message);
    }

    private static ResourceCommandService Commands(TestApplication app) => app.Services.GetRequiredService<ResourceCommandService>();

    private static ResourceCommandState State(TestApplication app) =>
        app.Notifications.TryGetCurrentState("api", out var current) ? current.Snapshot.Commands.Single().State : throw new InvalidOperationException("api has no state.");
}
