using Aspire.Hosting.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

using Executable = Aspire.Hosting.Engine.DcpObject<Aspire.Hosting.Engine.ExecutableSpec, Aspire.Hosting.Engine.ExecutableStatus>;
using Service = Aspire.Hosting.Engine.DcpObject<Aspire.Hosting.Engine.ServiceSpec, Aspire.Hosting.Engine.ServiceStatus>;

namespace StandIns.Tests.Engine;

public sealed class DcpClientTests : IAsyncLifetime, IDisposable
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(2));
    private DcpClient _dcp = null!;

    public async Task InitializeAsync()
    {
        var bundle = await AspireBundle.GetAsync(new ConfigurationBuilder().Build(), NullLogger.Instance, _limit.Token);
        _dcp = await DcpClient.StartAsync(bundle.DcpPath, _limit.Token);
    }

    public async Task DisposeAsync()
    {
        await _dcp.StopAsync(TimeSpan.FromSeconds(20));
        await _dcp.DisposeAsync();
    }

    public void Dispose() => _limit.Dispose();

    [Fact]
    public async Task A_process_is_run_to_its_end_with_its_variables_braces_and_all()
    {
        await CreateAsync("greeter", ["-c", "echo \"$GREETING\"; echo oops >&2; exit 7"], new DcpVariable("GREETING", DcpTemplate.Escape("{{b}} {{- portFor \"x\" -}} }}")));

        var ended = await UntilAsync("greeter", status => status.HasEnded);

        Assert.Equal(7, ended.ExitCode);
        Assert.Contains("{{b}} {{- portFor \"x\" -}} }}", await LogAsync("greeter", "stdout"), StringComparison.Ordinal);
        Assert.Contains("oops", await LogAsync("greeter", "stderr"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_cannot_start_says_why_in_the_system_log()
    {
        await _dcp.CreateAsync(
            new Executable
            {
                Metadata = new DcpMetadata { Name = "lost" },
                Spec = new ExecutableSpec { ExecutablePath = "/no/such/program", WorkingDirectory = "/" },
            },
            _limit.Token);

        await UntilAsync("lost", status => status.State == ExecutableStates.FailedToStart);

        Assert.Contains("/no/such/program", await LogAsync("lost", "system"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_process_can_be_created_again_under_its_name()
    {
        await CreateAsync("sleeper", ["-c", "exec sleep 600"]);
        var first = await UntilAsync("sleeper", status => status.State == ExecutableStates.Running);

        await _dcp.RequestStopAsync("sleeper", _limit.Token);
        await UntilAsync("sleeper", status => status.HasEnded);
        await _dcp.DeleteAsync<ExecutableSpec>("sleeper", _limit.Token);
        await CreateAsync("sleeper", ["-c", "exec sleep 600"]);
        var second = await UntilAsync("sleeper", status => status.State == ExecutableStates.Running);

        Assert.NotEqual(first.ProcessId, second.ProcessId);
    }

    [Fact]
    public async Task A_service_knows_its_port_before_anything_serves_it()
    {
        await _dcp.CreateAsync(
            new Service
            {
                Metadata = new DcpMetadata { Name = "web" },
                Spec = new ServiceSpec { AddressAllocationMode = "Localhost" },
            },
            _limit.Token);

        var changes = _dcp.WatchAsync<ServiceSpec, ServiceStatus>(_limit.Token);
        var ready = await changes.FirstAsync(change => change.Object.Status?.EffectivePort is > 0);

        Assert.Equal("web", ready.Object.Metadata.Name);
    }

    private async Task CreateAsync(string name, string[] args, params DcpVariable[] environment) =>
        await _dcp.CreateAsync(
            new Executable
            {
                Metadata = new DcpMetadata { Name = name },
                Spec = new ExecutableSpec { ExecutablePath = "/bin/sh", Args = args, Env = environment, WorkingDirectory = "/" },
            },
            _limit.Token);

    private async Task<ExecutableStatus> UntilAsync(string name, Func<ExecutableStatus, bool> condition)
    {
        var changes = _dcp.WatchAsync<ExecutableSpec, ExecutableStatus>(_limit.Token);
        var change = await changes.FirstAsync(change =>
            change.Object.Metadata.Name == name && change.Object.Status is { } status && condition(status));
        return change.Object.Status!;
    }

    private async Task<string> LogAsync(string name, string source)
    {
        var lines = await _dcp.ReadLogAsync(name, source, follow: false, _limit.Token).ToListAsync();
        return string.Join('\n', lines);
    }
}
