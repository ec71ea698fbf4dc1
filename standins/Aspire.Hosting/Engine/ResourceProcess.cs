using System.Reflection;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;

using Executable = Aspire.Hosting.Engine.DcpObject<Aspire.Hosting.Engine.ExecutableSpec, Aspire.Hosting.Engine.ExecutableStatus>;

namespace Aspire.Hosting.Engine;

/// <summary>What the processes of an application have in common; <paramref name="Ended"/> is set when DCP has gone.</summary>
internal sealed record ProcessContext(
    DcpClient Dcp,
    ResourceNotificationService Notifications,
    ResourceLoggerService Logs,
    IDistributedApplicationEventing Eventing,
    IServiceProvider Services,
    DistributedApplicationExecutionContext Execution,
    Assembly? AppHostAssembly,
    CancellationToken Ended);

/// <summary>
/// One process of a resource, over all its runs: what DCP says about the current one becomes the instance's state and log.
/// </summary>
internal sealed class ResourceProcess(ProcessGroup group, DcpInstance instance, ProcessContext context) : IDisposable
{
    private const string RunAnnotation = "tasktracker-run";

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LogDrainLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LogPoll = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _oneChangeAtATime = new(1);
    private volatile Run? _run;

    private IResource Resource => group.Resource;

    /// <summary>Starts the process unless it runs. A start that fails is shown as the state and told in the log.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _oneChangeAtATime.WaitAsync(cancellationToken);
        try
        {
            if (_run is { HasEnded: false })
            {
                return;
            }

            // The row stays while one process goes and the next comes.
            await PublishAsync(snapshot => snapshot with
            {
                State = KnownResourceStates.Starting,
                StartTimeStamp = null,
                StopTimeStamp = null,
                ExitCode = null,
                Urls = ResourceUrls.WithActivity(snapshot.Urls, active: false),
            });
            if (_run is { } previous)
            {
                await previous.Logs.WaitAsync(LogDrainLimit, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await context.Dcp.DeleteAsync<ExecutableSpec>(instance.Name, cancellationToken);
            }

            await CreateAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await FailAsync(e);
        }
        finally
        {
            _oneChangeAtATime.Release();
        }
    }

    /// <summary>Starts it as the user asked, who need not wait for what it was told to wait for.</summary>
    /// <exception cref="DistributedApplicationException">It could not be started.</exception>
    public async Task StartByHandAsync(CancellationToken cancellationToken)
    {
        await group.StartByHandAsync(this, cancellationToken);
        if (context.Notifications.TryGetCurrentState(instance.Name, out var current) && current.Snapshot.State?.Text == KnownResourceStates.FailedToStart)
        {
            throw new DistributedApplicationException($"'{instance.Name}' could not be started; its console log says why.");
        }
    }

    /// <summary>Asks the process to end, and returns when it has; DCP kills one that does not obey.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _oneChangeAtATime.WaitAsync(cancellationToken);
        try
        {
            if (_run is { HasEnded: false } run)
            {
                await context.Dcp.RequestStopAsync(instance.Name, cancellationToken);
                await run.Ended.WaitAsync(StopLimit, cancellationToken);
            }
        }
        catch (TimeoutException)
        {
            throw new DistributedApplicationException($"'{instance.Name}' did not end within {StopLimit.TotalSeconds:0} seconds.");
        }
        finally
        {
            _oneChangeAtATime.Release();
        }
    }

    /// <summary>Takes over what DCP reports. Reports about earlier runs come late at times, and count no more.</summary>
    public async Task OnChangeAsync(Executable executable)
    {
        if (_run is not { } run || executable.Status is not { } status || executable.Metadata.Annotations?[RunAnnotation] != run.Id)
        {
            return;
        }

        if (status.State == ExecutableStates.FailedToStart && !run.HasEnded)
        {
            await TellWhyAsync();
        }

        await PublishAsync(snapshot => ToSnapshot(snapshot, executable, status, run));
        if (status.HasEnded && run.End())
        {
            await PublishStoppedAsync();
        }
    }

    public async Task FailAsync(Exception reason)
    {
        context.Logs.GetLogger(instance.Name).StartFailed(reason.Message);
        await PublishAsync(snapshot => snapshot with { State = new(KnownResourceStates.FailedToStart, KnownResourceStateStyles.Error) });
        await PublishStoppedAsync();
    }

    public void Dispose() => _oneChangeAtATime.Dispose();

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        var log = context.Logs.GetLogger(instance.Name);
        var configuration = await ResourceConfiguration.EvaluateAsync(Resource, context.Execution, log, cancellationToken);
        var program = CommandLine([.. configuration.Arguments.Select(argument => argument.Value)]);
        var run = new Run(hasSecretArguments: configuration.Arguments.Any(argument => argument.IsSecret));
        _run = run;
        try
        {
            await context.Dcp.CreateAsync(
                new Executable
                {
                    Metadata = new DcpMetadata
                    {
                        Name = instance.Name,
                        Annotations = new Dictionary<string, string>
                        {
                            ["resource-name"] = Resource.Name,
                            ["otel-service-name"] = Resource.Name,
                            [Telemetry.InstanceAnnotation] = instance.Suffix,
                            [ServiceProducer.Annotation] = JsonSerializer.Serialize(EndpointAllocator.Producers(Resource), DcpJson.Options),
                            [RunAnnotation] = run.Id,
                        },
                    },
                    Spec = new ExecutableSpec
                    {
                        ExecutablePath = program.Command,
                        WorkingDirectory = program.WorkingDirectory,
                        Args = [.. program.Arguments.Select(DcpTemplate.Escape)],
                        Env = [.. configuration.Environment.Select(variable => new DcpVariable(variable.Name, DcpTemplate.Escape(variable.Value)))],
                    },
                },
                cancellationToken);
        }
        catch
        {
            // What was not created never ends by itself.
            run.End();
            throw;
        }

        run.Logs = Task.WhenAll(CopyLogAsync(run, "stdout", isError: false), CopyLogAsync(run, "stderr", isError: true));
    }

    private (string Command, string WorkingDirectory, IReadOnlyList<string> Arguments) CommandLine(IReadOnlyList<string> arguments)
    {
        if (Resource is ProjectResource project)
        {
            return ProjectCommandLine.For(project, context.AppHostAssembly, arguments);
        }

        var executable = Resource.Annotations.OfType<ExecutableAnnotation>().Last();
        return (executable.Command, executable.WorkingDirectory, arguments);
    }

    private CustomResourceSnapshot ToSnapshot(CustomResourceSnapshot snapshot, Executable executable, ExecutableStatus status, Run run)
    {
        var state = status.State switch
        {
            null or "" => KnownResourceStates.Starting,
            ExecutableStates.FailedToStart => KnownResourceStates.FailedToStart,
            _ when status.HasEnded => KnownResourceStates.Finished,
            var reported => reported,
        };
        var fromSpec = executable.Spec.Env.Select(variable => variable.Name).ToHashSet();
        List<ResourcePropertySnapshot> properties =
        [
            new("executable.path", executable.Spec.ExecutablePath),
            new("executable.workDir", executable.Spec.WorkingDirectory),
            new("executable.args", status.EffectiveArgs ?? executable.Spec.Args) { IsSensitive = run.HasSecretArguments },
            new("executable.pid", status.ProcessId),
        ];
        if (Resource.TryGetLastAnnotation<IProjectMetadata>(out var project))
        {
            properties.Add(new("project.path", project.ProjectPath));
        }

        return snapshot with
        {
            State = state,
            ExitCode = status.ExitCode,
            CreationTimeStamp = executable.Metadata.CreationTimestamp?.ToUniversalTime() ?? snapshot.CreationTimeStamp,
            StartTimeStamp = status.StartupTimestamp?.ToUniversalTime(),
            StopTimeStamp = status.FinishTimestamp?.ToUniversalTime(),
            Properties = [.. snapshot.Properties.Where(kept => properties.TrueForAll(fresh => fresh.Name != kept.Name)), .. properties],
            EnvironmentVariables = status.EffectiveEnv is { } environment
                ? [.. environment.Select(variable => new EnvironmentVariableSnapshot(variable.Name, variable.Value, fromSpec.Contains(variable.Name)))]
                : snapshot.EnvironmentVariables,
            Urls = ResourceUrls.WithActivity(snapshot.Urls, state == KnownResourceStates.Running),
        };
    }

    /// <summary>Copies one stream of the run into the instance's log, until it is over and read to its end.</summary>
    private async Task CopyLogAsync(Run run, string source, bool isError)
    {
        var copied = 0;
        while (true)
        {
            // A stream that broke is read again from its start, so what is known is passed over.
            var wasOver = run.HasEnded;
            var line = 0;
            await foreach (var text in context.Dcp.ReadLogAsync(instance.Name, source, follow: true, context.Ended))
            {
                if (++line > copied)
                {
                    context.Logs.Write(instance.Name, text, isError);
                    copied = line;
                }
            }

            if (wasOver)
            {
                return;
            }

            await Task.WhenAny(Task.Delay(LogPoll, context.Ended), run.Ended);
            context.Ended.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Why a start failed stands in DCP's own log of it, and nowhere else.</summary>
    private async Task TellWhyAsync()
    {
        await foreach (var line in context.Dcp.ReadLogAsync(instance.Name, "system", follow: false, context.Ended))
        {
            context.Logs.Write(instance.Name, line, isErrorMessage: true);
        }
    }

    private async Task PublishStoppedAsync()
    {
        if (context.Notifications.TryGetCurrentState(instance.Name, out var current))
        {
            await context.Eventing.PublishAsync(
                new ResourceStoppedEvent(Resource, context.Services, current), EventDispatchBehavior.NonBlockingSequential, CancellationToken.None);
        }
    }

    private Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) =>
        context.Notifications.PublishUpdateAsync(Resource, instance.Name, change);

    /// <summary>One life of the process, from its creation in DCP to its end.</summary>
    private sealed class Run(bool hasSecretArguments)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Id { get; } = Guid.NewGuid().ToString("N");

        public bool HasSecretArguments { get; } = hasSecretArguments;

        public Task Logs { get; set; } = Task.CompletedTask;

        public Task Ended => _ended.Task;

        public bool HasEnded => _ended.Task.IsCompleted;

        /// <returns>False when it had ended before.</returns>
        public bool End() => _ended.TrySetResult();
    }
}
