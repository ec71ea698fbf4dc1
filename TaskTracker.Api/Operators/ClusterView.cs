using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Data;
using TaskTracker.Data.Operations;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operators;

/// <summary>
/// What the cluster is doing and what it is going to do, seen through this process's own scheduler, which runs nothing.
/// Quartz's tables are read where its interface cannot ask the question.
/// </summary>
internal sealed class ClusterView(TaskTrackerDbContext db, ISchedulerFactory schedulers, TimeProvider clock)
{
    /// <summary>The name of the order of runs under way, for cursors.</summary>
    public const string RunningOrder = "running";

    /// <summary>More runs than any cluster has threads.</summary>
    public const int MaxRunning = 10_000;

    private const int MaxSchedules = 200;

    public async Task<IReadOnlyList<NodeResponse>> ListNodesAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var nodes = await scheduler.QueryClusterNodes(cancellationToken);
        var runs = await scheduler.QueryFireInstances(new FireInstanceQuery { Take = MaxRunning }, cancellationToken);
        var byNode = runs.Items.ToLookup(run => run.SchedulerInstanceId);

        // This process is in the list, though it never runs a job.
        return [.. nodes.Where(node => !node.IsCurrentNode).Select(node => new NodeResponse(
            node.InstanceId,
            node.State,
            node.LastCheckInUtc,
            [.. byNode[node.InstanceId].Select(run => new NodeRun(run.FireInstanceId, run.JobKey?.Name, run.FireTimeUtc))]))];
    }

    public async Task<IReadOnlyList<RunningResponse>> ListRunningAsync(int skip, int take, CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var runs = (await scheduler.QueryFireInstances(new FireInstanceQuery { Skip = skip, Take = take }, cancellationToken)).Items;
        var asked = await OperationFirings.FindOperationsAsync(scheduler, [.. runs.Select(run => run.TriggerKey)], cancellationToken);
        var current = await OperationFirings.FindCurrentAsync(db, [.. runs.Select(run => run.FireInstanceId)], cancellationToken);
        var now = clock.GetUtcNow();

        return [.. runs.Select(run => new RunningResponse(
            run.FireInstanceId,
            run.JobKey?.Name,
            current.TryGetValue(run.FireInstanceId, out var operation) || asked.TryGetValue(run.TriggerKey, out operation) ? operation : null,
            run.SchedulerInstanceId,
            run.FireTimeUtc,
            // The node's clock may be ahead of this one.
            Math.Max(0, Math.Round((now - run.FireTimeUtc).TotalSeconds, 3)),
            run.Progress,
            run.ProgressMessage))];
    }

    public async Task<IReadOnlyList<QueueResponse>> ListQueueAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var jobs = await db.Database.SqlQuery<JobRow>(
            $"""
            select job.job_name as "Job", due.count as "Due", due.oldest as "OldestTime", paused.trigger_group is not null as "Paused",
                paused.pause_reason as "PauseReason", paused.paused_by as "PausedBy", paused.paused_at as "PausedTime"
            from qrtz_job_details job
            cross join lateral (
                select count(*), min(next_fire_time) as oldest
                from qrtz_triggers
                where sched_name = job.sched_name and job_name = job.job_name and job_group = job.job_group
                    and next_fire_time <= {now.UtcTicks} and trigger_state in ('WAITING', 'ACQUIRED', 'BLOCKED', 'PAUSED', 'PAUSED_BLOCKED')
            ) due
            left join qrtz_paused_trigger_grps paused on paused.sched_name = job.sched_name and paused.trigger_group = job.job_name
            where job.sched_name = {SchedulerCluster.Name} and job.job_group = {JobKeys.Group}
            order by job.job_name
            """).ToListAsync(cancellationToken);
        var operations = await db.Operations
            .Where(operation => operation.Status == OperationStatus.Pending)
            .GroupBy(operation => operation.Kind)
            .Select(group => new { Kind = group.Key, Count = group.LongCount(), Oldest = group.Min(operation => operation.CreatedAt) })
            .ToListAsync(cancellationToken);

        // Of an operation the row tells more than the firing: it also waits between two attempts.
        var byJob = operations.ToDictionary(waiting => JobKeys.Of(waiting.Kind).Name);
        return [.. jobs.Select(job => byJob.TryGetValue(job.Job, out var waiting)
            ? job.Show(waiting.Count, waiting.Oldest, now)
            : job.Show(job.Due, Ticks.ToTime(job.OldestTime), now))];
    }

    public async Task<IReadOnlyList<ScheduleResponse>> ListSchedulesAsync(CancellationToken cancellationToken)
    {
        var triggers = await db.Database.SqlQuery<ScheduleRow>(
            $"""
            select t.job_name as "Job", t.trigger_name as "Trigger", t.description as "Description", cron.cron_expression as "Cron",
                simple.repeat_interval as "EveryMs", coalesce(cron.time_zone_id, other.time_zone_id) as "TimeZone",
                t.next_fire_time as "NextTime", t.prev_fire_time as "PreviousTime", t.trigger_state as "State",
                t.pause_reason as "PauseReason", t.paused_by as "PausedBy", t.paused_at as "PausedTime"
            from qrtz_triggers t
            left join qrtz_cron_triggers cron using (sched_name, trigger_name, trigger_group)
            left join qrtz_simple_triggers simple using (sched_name, trigger_name, trigger_group)
            left join qrtz_simprop_triggers other using (sched_name, trigger_name, trigger_group)
            where sched_name = {SchedulerCluster.Name} and t.job_group = {JobKeys.Group}
                and (cron.cron_expression is not null or simple.repeat_count <> 0 or other.sched_name is not null)
            order by t.job_name, trigger_name
            limit {MaxSchedules}
            """).ToListAsync(cancellationToken);

        return [.. triggers.Select(trigger => trigger.Show())];
    }

    private sealed record JobRow(string Job, long Due, long? OldestTime, bool Paused, string? PauseReason, string? PausedBy, long? PausedTime)
    {
        public QueueResponse Show(long waiting, DateTimeOffset? oldest, DateTimeOffset now) => new(
            Job,
            waiting,
            oldest,
            oldest is { } since ? Math.Max(0, Math.Round((now - since).TotalSeconds, 3)) : null,
            Paused,
            PauseReason,
            PausedBy,
            Ticks.ToTime(PausedTime));
    }

    private sealed record ScheduleRow(
        string Job,
        string Trigger,
        string? Description,
        string? Cron,
        long? EveryMs,
        string? TimeZone,
        long? NextTime,
        long? PreviousTime,
        string State,
        string? PauseReason,
        string? PausedBy,
        long? PausedTime)
    {
        public ScheduleResponse Show() => new(
            Job,
            Trigger,
            Description,
            Cron,
            EveryMs / 1000.0,
            TimeZone,
            Ticks.ToTime(NextTime),
            Ticks.ToTime(PreviousTime),
            State switch
            {
                "WAITING" or "ACQUIRED" => "waiting",
                "EXECUTING" or "BLOCKED" => "running",
                "PAUSED" or "PAUSED_BLOCKED" => "paused",
                _ => "error",
            },
            PauseReason,
            PausedBy,
            Ticks.ToTime(PausedTime));
    }
}

/// <summary>Times as Quartz keeps them: .NET's ticks, in UTC; zero or less where there is none.</summary>
internal static class Ticks
{
    public static DateTimeOffset? ToTime(long? ticks) => ticks > 0 ? new DateTimeOffset(ticks.Value, TimeSpan.Zero) : null;
}
