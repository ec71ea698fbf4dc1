using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace TaskTracker.ServiceDefaults;

/// <summary>
/// Lets a service that is told to end go on answering for a while with a red <c>/health</c>, so that whoever spreads requests
/// over the replicas stops sending it new ones before it stops taking them.
/// </summary>
internal sealed class Drain(IOptions<ShutdownOptions> options, TimeProvider clock) : IHostedLifecycleService
{
    /// <summary>The name of the check that turns red.</summary>
    public const string CheckName = "shutdown";

    private volatile bool _hasBegun;

    /// <summary>The report as it is, or made unhealthy once the service is about to end.</summary>
    public HealthReport Apply(HealthReport report)
    {
        if (!_hasBegun)
        {
            return report;
        }

        var entries = new Dictionary<string, HealthReportEntry>(report.Entries)
        {
            [CheckName] = new(HealthStatus.Unhealthy, "stopping", TimeSpan.Zero, exception: null, data: null),
        };
        return new HealthReport(entries, HealthStatus.Unhealthy, report.TotalDuration);
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _hasBegun = true;
        try
        {
            await Task.Delay(options.Value.Delay, clock, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // There is no time left for it.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>How a service ends. Bound to the configuration section <c>Shutdown</c>.</summary>
public sealed class ShutdownOptions : IValidatableObject
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "Shutdown";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>How long to go on answering with a red <c>/health</c> before no more requests are taken; by default 5 s in Production, elsewhere none.</summary>
    public TimeSpan Delay { get; set; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        Delay >= TimeSpan.Zero && Delay <= Longest
            ? []
            : [new ValidationResult($"{SectionName}:{nameof(Delay)} is '{Delay}': give a duration from zero to {Longest}, such as '00:00:05'.", [nameof(Delay)])];
}

/// <summary>For services that a load balancer sends requests to.</summary>
public static class DrainExtensions
{
    // For requests under way to end, after the delay.
    private static readonly TimeSpan s_requestLimit = TimeSpan.FromSeconds(30);

    /// <summary>Ends the service in steps: <c>/health</c> turns red, requests come to an end, the rest stops.</summary>
    /// <param name="builder">The service that is being built.</param>
    public static void AddDrain(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ShutdownOptions>()
            .Configure(options => options.Delay = builder.Environment.IsProduction() ? TimeSpan.FromSeconds(5) : TimeSpan.Zero)
            .BindConfiguration(ShutdownOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddSingleton<Drain>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Drain>());
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<ShutdownOptions>>((host, shutdown) =>
            host.ShutdownTimeout = shutdown.Value.Delay + s_requestLimit);
    }
}
