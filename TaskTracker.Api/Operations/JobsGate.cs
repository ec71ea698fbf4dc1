using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Health;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operations;

/// <summary>Whether the jobs service has stored the jobs that this version asks for; it does so at its start.</summary>
internal sealed class JobsGate(IServiceScopeFactory scopes)
{
    private static readonly string[] s_jobs = [.. Enum.GetValues<OperationKind>().Select(kind => JobKeys.Of(kind).Name)];

    private volatile bool _stored;

    /// <summary>True for good once it was true: jobs are not taken back.</summary>
    public async ValueTask<bool> AreStoredAsync(CancellationToken cancellationToken)
    {
        if (_stored)
        {
            return true;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();

        // Quartz's tables come with the jobs service, too.
        return _stored =
            await db.Database.SqlQuery<bool>($"""select to_regclass('qrtz_job_details') is not null as "Value" """).SingleAsync(cancellationToken)
            && await db.Database.SqlQuery<bool>(
                $"""
                select count(*) = {s_jobs.Length} as "Value" from qrtz_job_details
                where sched_name = {SchedulerCluster.Name} and job_group = {JobKeys.Group} and job_name = any({s_jobs})
                """).SingleAsync(cancellationToken);
    }
}

/// <summary>Puts routes that ask for work behind the <see cref="JobsGate"/>.</summary>
internal static class JobsGateExtensions
{
    public static TBuilder RequireJobs<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.ProducesUnavailable().AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<JobsGate>().AreStoredAsync(context.HttpContext.RequestAborted)
                ? await next(context)
                : TypedResults.Problem(
                    "The jobs service has not stored its jobs yet: it does at its start. Try again in a moment.",
                    statusCode: StatusCodes.Status503ServiceUnavailable));
}
