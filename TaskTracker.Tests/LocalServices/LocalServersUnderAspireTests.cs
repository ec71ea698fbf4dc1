using System.Net.Sockets;
using Aspire.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

public sealed class LocalServersUnderAspireTests
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Both_become_healthy_are_usable_by_their_connection_strings_and_leave_nothing_behind()
    {
        using var start = new CancellationTokenSource(StartLimit);
        using var stop = new CancellationTokenSource();
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            Args = ["--LocalServices:Mode=process", "--LocalServices:Persist=false"],
            DisableDashboard = true,
        });
        var database = builder.AddDatabase("tasktracker");
        var cache = builder.AddCache("cache");

        string folder;
        string cacheConnection;
        await using (var app = builder.Build())
        {
            await app.StartAsync(start.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("tasktracker", start.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("cache", start.Token);

            folder = await app.Services.GetRequiredService<LocalData>().GetFolderAsync(start.Token);
            cacheConnection = (await cache.Resource.GetConnectionStringAsync(start.Token))!;
            Assert.Null(await RedisHealthCheck.PingAsync(cacheConnection, start.Token));
            await using var connection = new NpgsqlConnection(await database.Resource.GetConnectionStringAsync(start.Token));
            await connection.OpenAsync(start.Token);
            Assert.Equal("tasktracker", connection.Database);

            stop.CancelAfter(StopLimit);
            await app.StopAsync(stop.Token);
        }

        Assert.False(Directory.Exists(folder));
        await Assert.ThrowsAnyAsync<SocketException>(() => RedisHealthCheck.PingAsync(cacheConnection, stop.Token));
    }
}
