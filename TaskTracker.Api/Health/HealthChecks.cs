using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;
using TaskTracker.Data;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Health;

/// <summary>Unhealthy until the database can serve: nothing that needs data can be answered before.</summary>
internal sealed class SchemaCheck(SchemaGate schema) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
        await schema.GetAsync(cancellationToken) switch
        {
            SchemaState.Current => HealthCheckResult.Healthy("connected"),
            SchemaState.TooOld => new HealthCheckResult(context.Registration.FailureStatus, "too_old"),
            _ => new HealthCheckResult(context.Registration.FailureStatus, "migrating"),
        };
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
            return HealthCheckResult.Healthy(await GetStateAsync(cancellationToken));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return HealthCheckResult.Healthy("unknown");
        }
    }

    private async Task<string> GetStateAsync(CancellationToken cancellationToken)
    {
        // Quartz's tables come with the jobs service.
        if (!await db.Database.SqlQuery<bool>($"""select to_regclass('qrtz_scheduler_state') is not null as "Value" """).SingleAsync(cancellationToken))
        {
            return "unknown";
        }

        var last = await db.Database
            .SqlQuery<long?>($"""select max(last_checkin_time) as "Value" from qrtz_scheduler_state""")
            .SingleAsync(cancellationToken);

        // Quartz keeps .NET's ticks.
        return last is null ? "unknown" : last > (clock.GetUtcNow() - Silence).UtcTicks ? "running" : "stale";
    }
}
