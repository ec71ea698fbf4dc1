using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TaskTracker.Data.Logging;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Telemetry;

[Collection(OperationTestsCollection.Name)]
public sealed class LogLevelTests(OperationsFixture system)
{
    [Theory]
    [InlineData("api")]
    [InlineData("jobs")]
    public async Task A_service_logs_more_without_a_restart_while_an_override_stands(string service)
    {
        var category = $"Test.{Guid.NewGuid():N}";
        var logger = (service == "api" ? system.Api.Services : system.Jobs).GetRequiredService<ILoggerFactory>().CreateLogger(category);
        Assert.False(logger.IsEnabled(LogLevel.Trace));

        await StoreAsync(service, category, DateTimeOffset.UtcNow.AddMinutes(1));
        await Eventually.TrueAsync("it logs more", () => Task.FromResult(logger.IsEnabled(LogLevel.Trace)));

        await OperationClient.ExecuteAsync(system.Database, $"update log_levels set expires_at = now() where category = '{category}'");
        await Eventually.TrueAsync("it logs as configured", () => Task.FromResult(!logger.IsEnabled(LogLevel.Trace)));
    }

    private async Task StoreAsync(string service, string category, DateTimeOffset until) =>
        await system.Api.WithDatabaseAsync(async db =>
        {
            db.LogLevels.Add(new LogLevelOverride { Service = service, Category = category, Level = LogLevel.Trace, ExpiresAt = until });
            return await db.SaveChangesAsync();
        });
}
