using Microsoft.EntityFrameworkCore;

namespace TaskTracker.Data.Statistics;

/// <summary>What was created and completed on a day, of the tasks that are still there.</summary>
/// <param name="Date">The day, in the zone that was asked for.</param>
/// <param name="Created">How many tasks were created.</param>
/// <param name="Completed">How many tasks were completed, and are.</param>
public sealed record DayOfTasks(DateOnly Date, int Created, int Completed);

/// <summary>Counts an owner's tasks day by day.</summary>
/// <param name="db">The context.</param>
/// <param name="clock">The clock that says what day it is.</param>
public sealed class TaskHistory(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>The last days, today included, the earliest first.</summary>
    /// <param name="owner">The owner's number.</param>
    /// <param name="days">How many days.</param>
    /// <param name="zone">Where midnight is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>As many days.</returns>
    public async Task<List<DayOfTasks>> GetAsync(int owner, int days, TimeZoneInfo zone, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(clock.GetUtcNow(), zone).DateTime);
        var first = today.AddDays(1 - days);
        DateTimeOffset[] midnights = [.. Enumerable.Range(0, days + 1).Select(day => MidnightOf(first.AddDays(day), zone))];
        DateTimeOffset[] starts = midnights[..^1];
        DateTimeOffset[] ends = midnights[1..];

        var counts = await db.Database.SqlQuery<Counts>(
            $"""
            select
                days.number::int as "Number",
                (select count(*) from tasks where owner_id = {owner} and created_at >= days.start and created_at < days.stop)::int as "Created",
                (select count(*) from tasks where owner_id = {owner} and completed_at >= days.start and completed_at < days.stop)::int as "Completed"
            from unnest({starts}, {ends}) with ordinality as days (start, stop, number)
            """).ToListAsync(cancellationToken);

        return [.. counts.OrderBy(day => day.Number).Select(day => new DayOfTasks(first.AddDays(day.Number - 1), day.Created, day.Completed))];
    }

    // Where clocks go forward at midnight, the day begins an hour later: the offset before the gap says just that.
    private static DateTimeOffset MidnightOf(DateOnly date, TimeZoneInfo zone)
    {
        var midnight = date.ToDateTime(TimeOnly.MinValue);
        return new DateTimeOffset(midnight, zone.GetUtcOffset(midnight)).ToUniversalTime();
    }

    private sealed record Counts(int Number, int Created, int Completed);
}
