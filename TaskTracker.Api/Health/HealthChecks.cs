using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;
using TaskTracker.Data;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Health;

/// <summary>Unhealthy until the schema is current: nothing that needs data can be answered before.</summary>
internal sealed class SchemaCheck(SchemaGate schema) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
        await schema.IsCurrentAsync(cancellationToken) ? HealthCheckResult.Healthy() : new HealthCheckResult(context.Registration.FailureStatus);
}

/// <summary>Degraded while answers come from the database alone.</summary>
internal sealed class CacheCheck(CacheCircuit circuit, IServiceProvider services) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken)
    {
        // The connection is asked for only where it has been made: making it may take a while.
        var answers = circuit.IsClosed && await circuit.TryAsync(
            async () => await services.GetRequiredService<IConnectionMultiplexer>().GetDatabase().PingAsync() >= TimeSpan.Zero, false);

        return answers ? HealthCheckResult.Healthy() : new HealthCheckResult(context.Registration.FailureStatus);
    }
}

/// <summary>Tells whether a jobs service has checked in of late. The API answers without one, so it never fails.</summary>
internal sealed class JobsCheck(TaskTrackerDbContext db, TimeProvider clock) : IHealthCheck
{
    // Four check-ins of Quartz's cluster.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken)
    {
        try
        {
            return HealthCheckResult.Healthy(await HaveCheckedInAsync(cancellationToken) ? "running" : "unknown");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return HealthCheckResult.Healthy("unknown");
        }
    }

    private async Task<bool> HaveCheckedInAsync(CancellationToken cancellationToken)
    {
        // Quartz's tables come with the jobs service.
        if (!await db.Database.SqlQuery<bool>($"""select to_regclass('qrtz_scheduler_state') is not null as "Value" """).SingleAsync(cancellationToken))
        {
            return false;
        }

        // Quartz keeps .NET's ticks.
        var since = (clock.GetUtcNow() - Silence).UtcTicks;
        return await db.Database
            .SqlQuery<bool>($"""select exists (select from qrtz_scheduler_state where last_checkin_time > {since}) as "Value" """)
            .SingleAsync(cancellationToken);
    }
}
