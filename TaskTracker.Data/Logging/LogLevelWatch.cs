using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace TaskTracker.Data.Logging;

/// <summary>Looks for overrides of this service's log levels and heeds them.</summary>
internal sealed partial class LogLevelWatch(
    string service, LogLevelConfiguration configuration, IServiceScopeFactory scopes, TimeProvider clock, ILogger<LogLevelWatch> logger) : BackgroundService
{
    /// <summary>How late a change is seen. Asking costs less than one more connection that listens.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private const int MaxOverrides = 100;

    private bool _isTableThere;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // A database that is away, or has no tables yet, is told of elsewhere: what stands goes on.
                LogFailed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        if (!_isTableThere)
        {
            // On an empty database the jobs service is making it just now; to ask for rows would fill both logs with errors.
            _isTableThere = (await db.Database.SqlQuery<bool>($"""select to_regclass('log_levels') is not null as "Value" """).ToListAsync(cancellationToken)).Single();
            if (!_isTableThere)
            {
                return;
            }
        }

        var overrides = await db.LogLevels.AsNoTracking()
            .Where(level => level.Service == service && level.ExpiresAt > now)
            .OrderBy(level => level.Category)
            .Take(MaxOverrides)
            .ToListAsync(cancellationToken);

        if (configuration.Replace(overrides))
        {
            LogChanged(overrides.Count == 0 ? "as configured" : string.Join(", ", overrides.Select(level => $"{level.Category}={level.Level} until {level.ExpiresAt:u}")));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Log levels changed: {Levels}.")]
    private partial void LogChanged(string levels);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Log levels could not be looked up: {Reason}")]
    private partial void LogFailed(string reason);
}

/// <summary>Registers the switch of log levels.</summary>
public static class LogLevelServices
{
    /// <summary>The services whose log levels can be changed while they run.</summary>
    public static readonly IReadOnlyList<string> Services = ["api", "jobs"];

    /// <summary>Lets operators change this service's log levels while it runs.</summary>
    /// <param name="builder">The service that is being built.</param>
    /// <param name="service">Its name, one of <see cref="Services"/>.</param>
    public static void AddLogLevelSwitch(this IHostApplicationBuilder builder, string service)
    {
        var configuration = new LogLevelConfiguration();
        // Last, so that it wins over files and variables.
        builder.Configuration.Sources.Add(configuration);
        builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<LogLevelWatch>(services, service, configuration));
    }
}
