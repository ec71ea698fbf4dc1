using Microsoft.EntityFrameworkCore;
using Quartz;
using TaskTracker.Api.Paging;
using TaskTracker.Data;
using TaskTracker.Data.Scheduling;

namespace TaskTracker.Api.Operators;

/// <summary>
/// The runs that have ended, as Quartz keeps them for 30 days. Its table is read and not its interface, which pages by
/// counting, cannot search errors, and gives percentiles of short times only.
/// </summary>
internal sealed class RunHistory(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>The name of the list's order, for cursors.</summary>
    public const string Order = "-started_at";

    public async Task<IReadOnlyList<Run>> ListAsync(HistoryQuery query, Cursor? before, int take, CancellationToken cancellationToken)
    {
        var (result, from, to) = ((int?)query.ParsedResult, query.From?.Time.UtcTicks, query.Before?.Time.UtcTicks);
        var (lastTime, lastEntry) = (before?.Id, before?.Key);
        var operation = query.OperationId?.ToString();

        return await db.Database.SqlQuery<Run>(
            $"""
            select entry_id as "EntryId", coalesce(fire_instance_id, entry_id) as "Id", job_name as "Job", trigger_name as "TriggerName",
                trigger_group as "TriggerGroup", job_input as "Input", instance_name as "Node", result as "StoredResult", succeeded as "Succeeded",
                fired_time as "FiredTime", run_time as "RunTime", retry_attempt as "Retry", retry_scheduled as "WillRetry", manual as "Manual",
                summary as "Summary", error_message as "Error"
            from qrtz_execution_history
            where sched_name = {SchedulerCluster.Name} and job_group = {JobKeys.Group}
                and ({query.Job}::text is null or job_name = {query.Job})
                and ({result}::integer is null or coalesce(result, case when succeeded then {(int)JobRunResult.Succeeded} else {(int)JobRunResult.Failed} end) = {result})
                and ({query.Node}::text is null or instance_name = {query.Node})
                and ({operation}::text is null or position({operation} in job_input) > 0)
                and ({from}::bigint is null or fired_time >= {from})
                and ({to}::bigint is null or fired_time < {to})
                and ({query.Error}::text is null or position(lower({query.Error}) in lower(error_message)) > 0)
                and ({lastTime}::bigint is null or (fired_time, entry_id) < ({lastTime}, {lastEntry}))
            order by fired_time desc, entry_id desc
            limit {take}
            """).ToListAsync(cancellationToken);
    }

    /// <summary>The latest run of this id; ids may come again after all nodes were stopped.</summary>
    public async Task<Run?> FindAsync(string id, CancellationToken cancellationToken) =>
        (await db.Database.SqlQuery<Run>(
            $"""
            select entry_id as "EntryId", fire_instance_id as "Id", job_name as "Job", trigger_name as "TriggerName",
                trigger_group as "TriggerGroup", job_input as "Input", instance_name as "Node", result as "StoredResult", succeeded as "Succeeded",
                fired_time as "FiredTime", run_time as "RunTime", retry_attempt as "Retry", retry_scheduled as "WillRetry", manual as "Manual",
                summary as "Summary", error_message as "Error"
            from qrtz_execution_history
            where sched_name = {SchedulerCluster.Name} and job_group = {JobKeys.Group} and fire_instance_id = {id}
            order by fired_time desc
            limit 1
            """).ToListAsync(cancellationToken)).SingleOrDefault();

    public async Task<IReadOnlyList<JobStatisticsResponse>> CountAsync(TimeSpan window, CancellationToken cancellationToken)
    {
        var from = (clock.GetUtcNow() - window).UtcTicks;
        var (succeeded, failed, cancelled, skipped) =
            ((int)JobRunResult.Succeeded, (int)JobRunResult.Failed, (int)JobRunResult.Cancelled, (int)JobRunResult.Skipped);
        var rows = await db.Database.SqlQuery<StatisticsRow>(
            $"""
            select job_name as "Job", count(*) as "Runs",
                count(*) filter (where result = {succeeded}) as "Succeeded",
                count(*) filter (where result = {failed}) as "Failed",
                count(*) filter (where result = {cancelled}) as "Cancelled",
                count(*) filter (where result = {skipped}) as "Skipped",
                percentile_disc(0.5) within group (order by run_time) filter (where result <> {skipped}) as "P50Time",
                percentile_disc(0.95) within group (order by run_time) filter (where result <> {skipped}) as "P95Time",
                max(run_time) filter (where result <> {skipped}) as "MaxTime",
                max(fired_time) as "LastTime"
            from qrtz_execution_history
            where sched_name = {SchedulerCluster.Name} and job_group = {JobKeys.Group} and fired_time >= {from}
            group by job_name
            order by job_name
            """).ToListAsync(cancellationToken);

        return [.. rows.Select(row => row.Show())];
    }

    internal static double Milliseconds(long ticks) => Math.Round(TimeSpan.FromTicks(ticks).TotalMilliseconds, 3);

    private sealed record StatisticsRow(
        string Job, long Runs, long Succeeded, long Failed, long Cancelled, long Skipped, long? P50Time, long? P95Time, long? MaxTime, long LastTime)
    {
        public JobStatisticsResponse Show() => new(
            Job, Runs, Succeeded, Failed, Cancelled, Skipped, Show(P50Time), Show(P95Time), Show(MaxTime), new DateTimeOffset(LastTime, TimeSpan.Zero));

        private static double? Show(long? ticks) => ticks is { } time ? Milliseconds(time) : null;
    }
}

/// <summary>A run that has ended, as it is stored.</summary>
internal sealed record Run(
    string EntryId,
    string Id,
    string Job,
    string TriggerName,
    string TriggerGroup,
    string? Input,
    string Node,
    int? StoredResult,
    bool Succeeded,
    long FiredTime,
    long RunTime,
    int Retry,
    bool WillRetry,
    bool? Manual,
    string? Summary,
    string? Error)
{
    public JobRunResult Result => StoredResult is { } stored ? (JobRunResult)stored : Succeeded ? JobRunResult.Succeeded : JobRunResult.Failed;

    public Guid? OperationId => OperationFirings.Read(Input);

    public RunResponse Show() => new(
        Id,
        Job,
        OperationId,
        Node,
        Result,
        new DateTimeOffset(FiredTime, TimeSpan.Zero),
        RunHistory.Milliseconds(RunTime),
        Retry,
        WillRetry,
        Manual == true,
        Summary,
        Error);
}
