using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;

namespace TaskTracker.Api.Operators;

/// <summary>Stores what operators change of the services' log levels; every replica looks for it.</summary>
internal sealed class LogLevels(TaskTrackerDbContext db, TimeProvider clock)
{
    private const int MaxListed = 200;

    public async Task<IReadOnlyList<LogLevelResponse>> ListAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var levels = await db.LogLevels.AsNoTracking().Where(level => level.ExpiresAt > now)
            .OrderBy(level => level.Service).ThenBy(level => level.Category).Take(MaxListed).ToListAsync(cancellationToken);
        return [.. levels.Select(level => new LogLevelResponse(level.Service, level.Category, level.Level.ToString().ToLowerInvariant(), level.ExpiresAt))];
    }

    public Task SetAsync(string service, LogLevelRequest request, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var level = request.ParsedLevel.ToString();
        return db.Database.ExecuteSqlAsync(
            $"""
            with expired as (delete from log_levels where expires_at <= {now})
            insert into log_levels (service, category, level, expires_at)
            values ({service}, {request.CategoryOrDefault}, {level}, {now.AddMinutes(request.Minutes)})
            on conflict (service, category) do update set level = excluded.level, expires_at = excluded.expires_at
            """,
            cancellationToken);
    }

    public Task ResetAsync(string service, CancellationToken cancellationToken) =>
        db.LogLevels.Where(level => level.Service == service).ExecuteDeleteAsync(cancellationToken);
}
