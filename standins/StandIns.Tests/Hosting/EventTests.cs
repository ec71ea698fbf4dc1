using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;

namespace StandIns.Tests.Hosting;

public class EventTests
{
    [Fact]
    public async Task Subscribers_are_called_in_order_for_their_resource_only()
    {
        await using var app = new TestApplication();
        var calls = new List<string>();
        var api = app.Builder.AddExecutable("api", "api", ".").OnBeforeResourceStarted((_, _, _) => Note("first")).OnBeforeResourceStarted((_, _, _) => Note("second"));
        var jobs = app.Builder.AddExecutable("jobs", "jobs", ".").OnBeforeResourceStarted((_, _, _) => Note("other"));

        await app.Builder.Eventing.PublishAsync(new BeforeResourceStartedEvent(api.Resource, app.Services), app.Limit);

        Assert.Equal(["first", "second"], calls);
        Assert.NotNull(jobs);

        async Task Note(string call)
        {
            await Task.Yield();
            calls.Add(call);
        }
    }

    [Fact]
    public async Task A_failing_subscriber_reaches_the_publisher_unless_it_does_not_wait()
    {
        var eventing = new DistributedApplicationEventing();
        eventing.Subscribe<Happened>((_, _) => throw new InvalidOperationException("no"));

        await Assert.ThrowsAsync<InvalidOperationException>(() => eventing.PublishAsync(new Happened()));
        await eventing.PublishAsync(new Happened(), EventDispatchBehavior.NonBlockingSequential);
    }

    [Fact]
    public async Task An_ended_subscription_is_not_called()
    {
        var eventing = new DistributedApplicationEventing();
        var subscription = eventing.Subscribe<Happened>((_, _) => throw new InvalidOperationException("no"));

        eventing.Unsubscribe(subscription);

        await eventing.PublishAsync(new Happened());
    }

    [Fact]
    public async Task Every_resource_can_begin_its_own_life()
    {
        await using var app = new TestApplication();
        var custom = app.Builder.AddResource(new Custom("custom"))
            .WithInitialState(new CustomResourceSnapshot { ResourceType = "Custom", Properties = [], State = KnownResourceStates.NotStarted })
            .OnInitializeResource((resource, initialize, _) => initialize.Notifications.PublishUpdateAsync(resource, snapshot => snapshot with { State = KnownResourceStates.Running }));
        await app.StartAsync();

        await app.Notifications.WaitForResourceHealthyAsync(custom.Resource.Name, app.Limit);
    }

    [Fact]
    public async Task A_child_of_an_executable_learns_that_its_connection_string_is_there()
    {
        await using var app = new TestApplication();
        var server = app.Builder.AddExecutable("server", "server", ".");
        var available = new TaskCompletionSource();
        app.Builder.AddResource(new Child("database", server.Resource)).OnConnectionStringAvailable((_, _, _) => { available.SetResult(); return Task.CompletedTask; });
        await app.StartAsync();

        await app.Builder.Eventing.PublishAsync(new ResourceEndpointsAllocatedEvent(server.Resource, app.Services), app.Limit);

        await available.Task.WaitAsync(app.Limit);
    }

    private sealed class Happened : IDistributedApplicationEvent;

    private sealed class Custom(string name) : Resource(name);

    private sealed class Child(string name, ExecutableResource parent) : Resource(name), IResourceWithParent<ExecutableResource>, IResourceWithConnectionString
    {
        public ExecutableResource Parent => parent;
        public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create($"in={parent.Name}");
    }
}
