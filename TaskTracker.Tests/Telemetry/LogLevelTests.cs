using System.Net;
using System.Net.Http.Json;
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

    [Fact]
    public async Task An_operator_changes_a_level_for_a_while_and_back()
    {
        var category = $"Test.{Guid.NewGuid():N}";
        var logger = system.Jobs.GetRequiredService<ILoggerFactory>().CreateLogger(category);
        var admin = await system.Api.CreateUserAsync();
        await OperationClient.ExecuteAsync(system.Database, $"update users set role = 'admin' where id = {admin.Id}");

        using var set = await admin.Client.PutAsJsonAsync("/ops/log-levels/jobs", new { level = "trace", category, minutes = 5 });
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        await Eventually.TrueAsync("it logs more", () => Task.FromResult(logger.IsEnabled(LogLevel.Trace)));
        Assert.Contains(category, await admin.Client.GetStringAsync("/ops/log-levels"), StringComparison.Ordinal);

        using var reset = await admin.Client.DeleteAsync("/ops/log-levels/jobs");
        Assert.Equal(HttpStatusCode.OK, reset.StatusCode);
        await Eventually.TrueAsync("it logs as configured", () => Task.FromResult(!logger.IsEnabled(LogLevel.Trace)));

        using var wrong = await admin.Client.PutAsJsonAsync("/ops/log-levels/jobs", new { level = "loud" });
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        Assert.Contains("Must be one of Trace, Debug", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task StoreAsync(string service, string category, DateTimeOffset until) =>
        await system.Api.WithDatabaseAsync(async db =>
        {
            db.LogLevels.Add(new LogLevelOverride { Service = service, Category = category, Level = LogLevel.Trace, ExpiresAt = until });
            return await db.SaveChangesAsync();
        });
}
