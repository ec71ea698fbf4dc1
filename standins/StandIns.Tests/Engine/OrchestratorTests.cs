using System.Net;
using System.Net.Sockets;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace StandIns.Tests.Engine;

public sealed class OrchestratorTests
{
    [Fact]
    public async Task A_process_gets_its_variables_unchanged_and_its_console_is_kept()
    {
        const string Value = """{"a":"{{b}}","c":"{{- portFor \"x\" -}}"} $HOME""";
        await using var app = await EngineApp.StartAsync(builder =>
            builder.AddShell("greeter", "echo \"got $GREETING\"; echo oops >&2; exec sleep 600").Resource.Annotations.Add(
                new EnvironmentCallbackAnnotation(context => context.EnvironmentVariables["GREETING"] = Value)));

        var running = await app.UntilAsync("greeter", KnownResourceStates.Running);

        await app.UntilLoggedAsync("greeter", "got " + Value);
        await app.UntilLoggedAsync("greeter", "oops");
        running = await app.UntilAsync("greeter", snapshot => EngineApp.Variable(snapshot, "GREETING") is not null);
        Assert.Equal(Value, EngineApp.Variable(running, "GREETING"));
        Assert.Equal("/bin/sh", EngineApp.Property(running, "executable.path"));
        Assert.NotNull(running.StartTimeStamp);
    }

    [Fact]
    public async Task A_restart_keeps_the_row_and_the_log_and_brings_a_new_process()
    {
        await using var app = await EngineApp.StartAsync(builder => builder.AddShell("worker", "echo \"I am $$\"; exec sleep 600"));
        var first = await app.UntilAsync("worker", snapshot => EngineApp.Property(snapshot, "executable.pid") is not null);
        await app.UntilLoggedAsync("worker", $"I am {EngineApp.Property(first, "executable.pid")}");

        var result = await app.ExecuteAsync("worker", "restart");

        Assert.True(result.Success, result.Message);
        var second = await app.UntilAsync("worker", snapshot =>
            snapshot.State?.Text == KnownResourceStates.Running && !Equals(EngineApp.Property(snapshot, "executable.pid"), EngineApp.Property(first, "executable.pid")));
        var log = await app.UntilLoggedAsync("worker", $"I am {EngineApp.Property(second, "executable.pid")}");
        Assert.Contains($"I am {EngineApp.Property(first, "executable.pid")}", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_process_offers_to_be_started_and_a_running_one_to_be_stopped()
    {
        await using var app = await EngineApp.StartAsync(builder => builder.AddShell("worker", "exec sleep 600"));
        var running = await app.UntilAsync("worker", KnownResourceStates.Running);
        Assert.Equal(["stop", "restart"], Enabled(running));

        Assert.True((await app.ExecuteAsync("worker", "stop")).Success);

        var stopped = await app.UntilAsync("worker", KnownResourceStates.Finished);
        Assert.Equal(["start"], Enabled(stopped));
        Assert.True((await app.ExecuteAsync("worker", "start")).Success);
        await app.UntilAsync("worker", KnownResourceStates.Running);
    }

    [Fact]
    public async Task A_process_that_ends_shows_its_exit_code_and_tells_the_application()
    {
        var stopped = new TaskCompletionSource<ResourceStoppedEvent>();
        await using var app = await EngineApp.StartAsync(builder =>
        {
            builder.Eventing.Subscribe<ResourceStoppedEvent>((change, _) =>
            {
                stopped.TrySetResult(change);
                return Task.CompletedTask;
            });
            builder.AddShell("failing", "exit 3");
        });

        var change = await stopped.Task.WaitAsync(app.Limit);

        Assert.Equal("failing", change.Resource.Name);
        Assert.Equal(3, change.ResourceEvent.Snapshot.ExitCode);
        Assert.Equal(KnownResourceStates.Finished, change.ResourceEvent.Snapshot.State?.Text);
    }

    [Fact]
    public async Task A_command_that_cannot_be_run_says_why_in_its_log()
    {
        await using var app = await EngineApp.StartAsync(builder => builder.AddResource(new ExecutableResource("lost", "/no/such/program", "/")));

        await app.UntilAsync("lost", KnownResourceStates.FailedToStart);

        await app.UntilLoggedAsync("lost", "/no/such/program");
    }

    [Fact]
    public async Task A_resource_runs_when_what_it_waits_for_has_completed()
    {
        var folder = Directory.CreateTempSubdirectory("wait-test-");
        try
        {
            await using var app = await EngineApp.StartAsync(builder =>
            {
                var first = builder.AddShell("first", $"sleep 1; echo done > {folder}/mark");
                builder.AddShell("second", $"cat {folder}/mark; exec sleep 600").Resource.Annotations.Add(new WaitAnnotation(first.Resource, WaitType.WaitForCompletion));
            });

            await app.UntilAsync("second", KnownResourceStates.Waiting);

            await app.UntilLoggedAsync("second", "done");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_resource_to_be_started_by_hand_waits_for_the_hand()
    {
        await using var app = await EngineApp.StartAsync(builder =>
            builder.AddShell("manual", "exec sleep 600").Resource.Annotations.Add(new ExplicitStartupAnnotation()));
        var idle = await app.UntilAsync("manual", KnownResourceStates.NotStarted);
        Assert.Equal(["start"], Enabled(idle));

        Assert.True((await app.ExecuteAsync("manual", "start")).Success);

        await app.UntilAsync("manual", KnownResourceStates.Running);
    }

    [Fact]
    public async Task A_start_whose_variables_cannot_be_had_fails_with_the_reason_in_the_log()
    {
        await using var app = await EngineApp.StartAsync(builder =>
        {
            var resource = builder.AddShell("worker", "exec sleep 600").Resource;
            resource.Annotations.Add(new ExplicitStartupAnnotation());
            resource.Annotations.Add(new EnvironmentCallbackAnnotation(_ => throw new InvalidOperationException("no such value")));
        });
        await app.UntilAsync("worker", KnownResourceStates.NotStarted);

        var result = await app.ExecuteAsync("worker", "start");

        Assert.False(result.Success);
        await app.UntilAsync("worker", KnownResourceStates.FailedToStart);
        await app.UntilLoggedAsync("worker", "no such value");
    }

    [Fact]
    public async Task Replicas_share_the_work_behind_one_port()
    {
        EndpointAnnotation endpoint = null!;
        await using var app = await EngineApp.StartAsync(builder =>
        {
            var resource = new ExecutableResource("web", "dotnet", "/");
            endpoint = new EndpointAnnotation(ProtocolType.Tcp, uriScheme: "http", name: "http");
            resource.Annotations.Add(endpoint);
            resource.Annotations.Add(new ReplicaAnnotation(2));
            resource.Annotations.Add(new CommandLineArgsCallbackAnnotation(arguments =>
            {
                foreach (var argument in HostProgram.CommandLine("serve"))
                {
                    arguments.Add(argument);
                }

                arguments.Add(new EndpointReference(resource, endpoint).Property(EndpointProperty.TargetPort));
            }));
            builder.AddResource(resource);
        });

        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(2) };
        var answered = new HashSet<string>();
        while (answered.Count < 2)
        {
            app.Limit.ThrowIfCancellationRequested();
            try
            {
                answered.Add(await http.GetStringAsync(new Uri(endpoint.AllocatedEndpoint!.UriString), app.Limit));
            }
            catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !app.Limit.IsCancellationRequested))
            {
                // One of them is not listening yet.
            }
        }
    }

    [Fact]
    public async Task A_taken_port_stops_the_start_and_is_named_with_its_resource()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => EngineApp.StartAsync(
            builder => builder.AddShell("web", "exec sleep 600").Resource.Annotations.Add(new EndpointAnnotation(ProtocolType.Tcp, uriScheme: "http", port: port)),
            settings: new KeyValuePair<string, string?>("DcpPublisher:RandomizePorts", "false")));

        Assert.Contains($"Port {port}", error.Message, StringComparison.Ordinal);
        Assert.Contains("'web'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Those_that_depend_on_others_end_before_them()
    {
        var folder = Directory.CreateTempSubdirectory("order-test-");
        try
        {
            string Script(string name) => $"trap 'echo {name} >> {folder}/ended; exit 0' TERM; echo up; while true; do sleep 0.1; done";
            await using var app = await EngineApp.StartAsync(builder =>
            {
                var database = builder.AddShell("database", Script("database"));
                builder.AddShell("api", Script("api")).Resource.Annotations.Add(new WaitAnnotation(database.Resource, WaitType.WaitUntilStarted));
            });
            await app.UntilLoggedAsync("database", "up");
            await app.UntilAsync("api", KnownResourceStates.Running);
            await app.UntilLoggedAsync("api", "up");

            await app.StopAsync();

            Assert.Equal(["api", "database"], await File.ReadAllLinesAsync($"{folder}/ended"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<string> Enabled(CustomResourceSnapshot snapshot) =>
        snapshot.Commands.Where(command => command.State == ResourceCommandState.Enabled).Select(command => command.Name);
}
