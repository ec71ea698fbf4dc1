using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Trace;
using StackExchange.Redis;
using TaskTracker.Tests;

namespace StandIns.Tests.Clients;

public class RedisOutputCacheTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _key = Guid.NewGuid().ToString("N");
    private readonly string _tag = Guid.NewGuid().ToString("N");

    [Fact]
    public async Task An_entry_comes_back_until_its_tag_is_evicted()
    {
        using var host = Build(TestServer);
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        await store.SetAsync(_key, [1, 2, 3], [_tag, _tag + "-other"], TimeSpan.FromMinutes(1), default);

        Assert.Equal([1, 2, 3], await store.GetAsync(_key, default));
        await store.EvictByTagAsync(_tag, default);
        Assert.Null(await store.GetAsync(_key, default));
    }

    [Fact]
    public async Task An_entry_of_another_tag_survives_an_eviction()
    {
        using var host = Build(TestServer);
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        await store.SetAsync(_key, [1], [_tag], TimeSpan.FromMinutes(1), default);

        await store.EvictByTagAsync(_tag + "-other", default);

        Assert.NotNull(await store.GetAsync(_key, default));
    }

    [Fact]
    public async Task An_eviction_takes_more_entries_than_one_batch()
    {
        using var host = Build(TestServer);
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        var keys = Enumerable.Range(0, 1_200).Select(n => $"{_key}-{n}").ToList();
        await Task.WhenAll(keys.Select(key => store.SetAsync(key, [1], [_tag], TimeSpan.FromMinutes(1), default).AsTask()));

        await store.EvictByTagAsync(_tag, default);

        Assert.All(await Task.WhenAll(keys.Select(key => store.GetAsync(key, default).AsTask())), Assert.Null);
    }

    [Fact]
    public async Task Entries_and_tags_bear_the_official_names_and_expire()
    {
        using var host = Build(TestServer);
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        var redis = host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

        await store.SetAsync(_key, [1], [_tag], TimeSpan.FromMinutes(2), default);
        await store.SetAsync(_key + "-short", [1], [_tag], TimeSpan.FromMinutes(1), default);

        Assert.InRange(await Life("__MSOCV_" + _key), TimeSpan.FromSeconds(110), TimeSpan.FromSeconds(120));
        Assert.InRange(await Life("__MSOCT_" + _tag), TimeSpan.FromSeconds(110), TimeSpan.FromSeconds(121));

        async Task<TimeSpan> Life(string key) => await redis.KeyTimeToLiveAsync(key) ?? TimeSpan.Zero;
    }

    [Fact]
    public async Task A_tag_forgets_entries_that_have_expired()
    {
        using var host = Build(TestServer);
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        var redis = host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();
        var aMinuteAgo = DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds();
        await redis.SortedSetAddAsync("__MSOCT_" + _tag, "expired", aMinuteAgo);

        await store.SetAsync(_key, [1], [_tag], TimeSpan.FromMinutes(1), default);

        Assert.Equal(_key, Assert.Single(await redis.SortedSetRangeByRankAsync("__MSOCT_" + _tag)));
    }

    [Fact]
    public async Task When_the_server_dies_calls_fail_soon_and_when_it_returns_they_work_again()
    {
        await using var relay = new RedisRelay(TestServer.Address);
        using var host = Build(TestServer with { Address = new IPEndPoint(IPAddress.Loopback, relay.Port) });
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        var health = host.Services.GetRequiredService<HealthCheckService>();
        await store.SetAsync(_key, [1], [_tag], TimeSpan.FromMinutes(5), default);
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync()).Status);

        await relay.CloseAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => store.GetAsync(_key, default).AsTask().WaitAsync(Limit));
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync()).Status);

        relay.Open();
        using var limit = new CancellationTokenSource(Limit);
        while ((await health.CheckHealthAsync(limit.Token)).Status != HealthStatus.Healthy)
        {
            await Task.Delay(100, limit.Token);
        }

        Assert.NotNull(await store.GetAsync(_key, default));
    }

    [Fact]
    public async Task A_server_that_is_away_at_the_start_is_used_once_it_is_there()
    {
        await using var relay = new RedisRelay(TestServer.Address);
        await relay.CloseAsync();
        using var host = Build(TestServer with { Address = new IPEndPoint(IPAddress.Loopback, relay.Port) });
        var store = host.Services.GetRequiredService<IOutputCacheStore>();
        var health = host.Services.GetRequiredService<HealthCheckService>();
        await Assert.ThrowsAnyAsync<Exception>(() => store.GetAsync(_key, default).AsTask().WaitAsync(Limit));

        relay.Open();
        using var limit = new CancellationTokenSource(Limit);
        while ((await health.CheckHealthAsync(limit.Token)).Status != HealthStatus.Healthy)
        {
            await Task.Delay(100, limit.Token);
        }

        await store.SetAsync(_key, [1], null, TimeSpan.FromMinutes(1), default);
        Assert.NotNull(await store.GetAsync(_key, default));
    }

    [Fact]
    public async Task Commands_sent_within_a_span_become_its_children()
    {
        var spans = new List<Activity>();
        using var source = new ActivitySource($"spans-{Guid.NewGuid()}");
        var builder = Builder(TestServer);
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(source.Name).AddProcessor(new Keep(spans)));
        var host = builder.Build();
        await host.StartAsync();

        ActivityContext caller;
        using (var request = source.StartActivity("request"))
        {
            caller = request!.Context;
            await host.Services.GetRequiredService<IOutputCacheStore>().GetAsync(_key, default);
        }

        await host.StopAsync();
        host.Dispose();

        var command = Assert.Single(spans, span => span.Source.Name == "OpenTelemetry.Instrumentation.StackExchangeRedis");
        Assert.Equal("GET", command.DisplayName);
        Assert.Equal(caller.SpanId, command.ParentSpanId);
        Assert.Equal(ActivityKind.Client, command.Kind);
    }

    [Fact]
    public async Task Scripts_sent_within_spans_fail_no_command_beside_them()
    {
        using var source = new ActivitySource($"spans-{Guid.NewGuid()}");
        var builder = Builder(TestServer);
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(source.Name));
        using var host = builder.Build();
        await host.StartAsync();
        var connection = host.Services.GetRequiredService<IConnectionMultiplexer>();
        var problems = new ConcurrentQueue<Exception>();
        connection.InternalError += (_, problem) => problems.Enqueue(problem.Exception);
        var redis = connection.GetDatabase();

        await Task.WhenAll(Enumerable.Range(0, 40).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                using var request = source.StartActivity("request");
                var script = redis.ScriptEvaluateAsync(
                    "return {KEYS[1], ARGV[1], ARGV[2]}", [$"{_key}-{worker}"], [i, "text"]);
                Assert.True(await redis.StringSetAsync($"{_key}-{worker}", i, TimeSpan.FromMinutes(1)));
                Assert.Equal([$"{_key}-{worker}", $"{i}", "text"], (string[])(await script)!);
            }
        })));

        Assert.Empty(problems);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_script_is_found_by_its_hash_and_what_it_refuses_comes_back_as_it_is()
    {
        using var host = Build(TestServer);
        var redis = host.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

        var unknown = await Assert.ThrowsAsync<RedisServerException>(() => redis.ScriptEvaluateAsync(new byte[20]));
        var hash = Convert.FromHexString((string)(await redis.ExecuteAsync("SCRIPT", "LOAD", $"return '{_key}'"))!);

        Assert.StartsWith("NOSCRIPT", unknown.Message, StringComparison.Ordinal);
        Assert.Equal(_key, (string?)await redis.ScriptEvaluateAsync(hash));
        Assert.Throws<NotSupportedException>(() => redis.CreateTransaction());
    }

    [Fact]
    public void Without_a_connection_string_the_connection_says_where_to_give_it()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.AddRedisOutputCache("cache");
        using var host = builder.Build();

        var problem = Assert.Throws<InvalidOperationException>(() => host.Services.GetRequiredService<IConnectionMultiplexer>());

        Assert.Contains("ConnectionStrings:cache", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost,password=topsecret,nonsense=1", typeof(InvalidOperationException))]
    [InlineData("localhost,user=me,password=topsecret", typeof(NotSupportedException))]
    [InlineData("[::1]:6379,password=topsecret", typeof(NotSupportedException))]
    public void A_connection_string_it_cannot_use_is_refused_without_repeating_the_password(string connectionString, Type expected)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:cache", connectionString)]);
        builder.AddRedisOutputCache("cache");
        using var host = builder.Build();

        var problem = Record.Exception(() => host.Services.GetRequiredService<IConnectionMultiplexer>());

        Assert.IsType(expected, problem);
        Assert.DoesNotContain("topsecret", problem.ToString(), StringComparison.Ordinal);
    }

    private static IHost Build(Server server) => Builder(server).Build();

    private static HostApplicationBuilder Builder(Server server)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);

        // The second that 1.2.6 grants by default is short on a machine that runs other tests meanwhile.
        builder.Configuration.AddInMemoryCollection(
            [new("ConnectionStrings:cache", $"{server.Address},{server.Options},syncTimeout=5000")]);
        builder.AddRedisOutputCache("cache");
        return builder;
    }

    private static Server TestServer
    {
        get
        {
            var parts = Servers.GetRedisAsync().GetAwaiter().GetResult().Split(',', 2);
            return new Server(IPEndPoint.Parse(parts[0]), parts[1]);
        }
    }

    private sealed record Server(IPEndPoint Address, string Options);

    private sealed class Keep(List<Activity> spans) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            lock (spans)
            {
                spans.Add(data);
            }
        }
    }
}
