using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class CacheTests(ApiFixture api)
{
    [Fact]
    public async Task What_one_replica_wrote_every_replica_shows_at_once()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);

        for (var i = 0; i < 20; i++)
        {
            var (writer, reader) = i % 2 == 0 ? (user.Client, other) : (other, user.Client);
            await writer.CreateTaskAsync($"task {i}");
            Assert.Equal(i + 1, (await reader.GetTitlesAsync()).Length);
            Assert.Equal(i + 1, (await writer.GetTitlesAsync()).Length);
        }
    }

    [Fact]
    public async Task The_second_reader_is_answered_from_the_cache_on_every_replica()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);

        using var first = await user.Client.GetAsync("/tasks");
        using var second = await other.GetAsync("/tasks");

        Assert.Null(first.Headers.Age);
        Assert.NotNull(second.Headers.Age);
    }

    [Fact]
    public async Task Refusals_are_not_cached()
    {
        var user = await api.First.CreateUserAsync();

        using var first = await user.Client.GetAsync("/tasks/0");
        using var second = await user.Client.GetAsync("/tasks/0");

        Assert.Equal(HttpStatusCode.NotFound, second.StatusCode);
        Assert.Null(second.Headers.Age);
    }

    [Fact]
    public async Task A_reader_stalled_between_its_read_and_its_fill_does_not_bring_the_old_answer_back()
    {
        StallingStore? stall = null;
        await using var slow = new ApiFactory(api.Database, api.Redis, services: services =>
        {
            var inner = services.Last(service => service.ServiceType == typeof(IOutputCacheStore));
            services.AddSingleton<IOutputCacheStore>(provider => stall = new StallingStore((IOutputCacheStore)inner.ImplementationFactory!(provider)));
        });
        await slow.WaitForCacheAsync();
        var user = await api.First.CreateUserAsync();
        using var reader = slow.CreateClient(user);

        stall!.Hold();
        var reading = reader.GetTitlesAsync();
        await stall.Reached.WaitAsync(TimeSpan.FromSeconds(10));
        await user.Client.CreateTaskAsync("written meanwhile");
        stall.Release();

        Assert.Empty(await reading);
        Assert.Equal(["written meanwhile"], await user.Client.GetTitlesAsync());
        Assert.Equal(["written meanwhile"], await reader.GetTitlesAsync());
    }

    [Fact]
    public async Task While_a_write_is_open_nobody_fills_the_cache_and_a_writer_that_died_after_its_commit_hides_nothing()
    {
        var user = await api.First.CreateUserAsync();
        Assert.Empty(await user.Client.GetTitlesAsync());

        // A writer up to its commit, and no further.
        await api.First.Services.GetRequiredService<OwnerVersions>().BeginAsync([user.Id]);
        Assert.Empty(await user.Client.GetTitlesAsync());
        await api.First.WithDatabaseAsync(async db =>
        {
            db.Tasks.Add(new TaskItem { OwnerId = user.Id, Title = "committed" });
            return await db.SaveChangesAsync();
        });

        using var answer = await user.Client.GetAsync("/tasks");
        Assert.Null(answer.Headers.Age);
        Assert.Equal(["committed"], await user.Client.GetTitlesAsync());

        // As when the mark's life is over.
        await Redis().KeyDeleteAsync(OwnerVersionScripts.WritingKey(user.Id));
        Assert.Equal(["committed"], await user.Client.GetTitlesAsync());
        using var cached = await user.Client.GetAsync("/tasks");
        Assert.NotNull(cached.Headers.Age);
    }

    [Fact]
    public async Task A_mark_stands_longer_than_any_transaction_and_then_goes_by_itself()
    {
        Assert.True(OwnerVersions.MarkLife > OwnerTransaction.Limit);
        var user = await api.First.CreateUserAsync();

        await api.First.Services.GetRequiredService<OwnerVersions>().BeginAsync([user.Id]);

        var life = await Redis().KeyTimeToLiveAsync(OwnerVersionScripts.WritingKey(user.Id));
        Assert.InRange(life!.Value, OwnerTransaction.Limit, OwnerVersions.MarkLife);
    }

    [Fact]
    public async Task A_mark_that_Redis_lost_makes_the_end_of_the_write_void_what_was_filled()
    {
        var user = await api.First.CreateUserAsync();
        var versions = api.First.Services.GetRequiredService<OwnerVersions>();
        var mark = await versions.BeginAsync([user.Id]);
        await Redis().KeyDeleteAsync(OwnerVersionScripts.WritingKey(user.Id));
        Assert.Empty(await user.Client.GetTitlesAsync());
        await api.First.WithDatabaseAsync(async db =>
        {
            db.Tasks.Add(new TaskItem { OwnerId = user.Id, Title = "committed" });
            return await db.SaveChangesAsync();
        });

        await versions.EndAsync([user.Id], mark);

        Assert.Equal(["committed"], await user.Client.GetTitlesAsync());
    }

    [Fact]
    public async Task Without_Redis_and_after_its_return_empty_nothing_fails_and_nothing_is_stale()
    {
        await using var replicas = await ReplicaPair.StartAsync(api.Database);
        var (redis, first, second) = replicas;
        var user = await first.CreateUserAsync();
        using var other = second.CreateClient(user);
        var written = 0;

        await WriteAndReadAsync(5);
        redis.Stop();
        await WriteAndReadAsync(5);
        var health = await user.Client.GetFromJsonAsync<JsonElement>("/health");
        Assert.Equal("degraded", health.GetProperty("status").GetString());
        Assert.Equal("bypassed", health.GetProperty("redis_status").GetString());

        await redis.StartAsync();
        await Eventually.TrueAsync("both replicas use the cache again", async () =>
        {
            await WriteAndReadAsync(1);
            using var atFirst = await user.Client.GetAsync("/tasks?limit=200");
            using var atSecond = await other.GetAsync("/tasks?limit=200");
            // A page holds 200 tasks, so not one more write than is needed.
            await Task.Delay(100);
            return atFirst.Headers.Age is not null && atSecond.Headers.Age is not null;
        });
        await WriteAndReadAsync(5);

        async Task WriteAndReadAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                await (written % 2 == 0 ? user.Client : other).CreateTaskAsync($"task {++written}");
                Assert.Equal(written, (await user.Client.GetTitlesAsync("/tasks?limit=200")).Length);
                Assert.Equal(written, (await other.GetTitlesAsync("/tasks?limit=200")).Length);
            }
        }
    }

    [Fact]
    public async Task After_the_return_of_Redis_with_old_keys_nothing_is_stale()
    {
        await using var replicas = await ReplicaPair.StartAsync(api.Database);
        var (redis, first, second) = replicas;
        var user = await first.CreateUserAsync();
        using var other = second.CreateClient(user);
        await user.Client.CreateTaskAsync("before");
        await Eventually.TrueAsync("the old answer is cached", async () =>
        {
            using var answer = await other.GetAsync("/tasks");
            return answer.Headers.Age is not null;
        });

        // Its keys and answers of now come back later, as after a crash that lost what came in between.
        await first.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase().ExecuteAsync("SAVE");
        await user.Client.CreateTaskAsync("after the save");
        redis.Stop();
        await user.Client.CreateTaskAsync("without Redis");
        await redis.StartAsync();

        await Eventually.TrueAsync("both replicas use the cache again", async () =>
        {
            using var atFirst = await user.Client.GetAsync("/tasks");
            using var atSecond = await other.GetAsync("/tasks");
            Assert.Equal(3, (await atFirst.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetArrayLength());
            Assert.Equal(3, (await atSecond.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("items").GetArrayLength());
            return atFirst.Headers.Age is not null && atSecond.Headers.Age is not null;
        });
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_not_repeated()
    {
        var user = await api.First.CreateUserAsync();
        await using var db = new TaskTrackerDbContext(new DbContextOptionsBuilder<TaskTrackerDbContext>()
            .UseNpgsql(api.Database, npgsql => npgsql.EnableRetryOnFailure())
            .AddInterceptors(new LostAnswer())
            .Options);
        var transaction = new OwnerTransaction(db, api.First.Services.GetRequiredService<OwnerVersions>(), TimeProvider.System);

        await transaction.RunAsync([user.Id], async cancellationToken =>
        {
            db.Tasks.Add(new TaskItem { OwnerId = user.Id, Title = "once" });
            return await db.SaveChangesAsync(cancellationToken);
        }, CancellationToken.None);

        Assert.Equal(["once"], await user.Client.GetTitlesAsync());
    }

    [Fact]
    public async Task An_announcement_that_took_too_long_is_made_anew_before_the_commit()
    {
        var user = await api.First.CreateUserAsync();

        Assert.Equal(1, await MarksWhileWritingAsync(TimeProvider.System));
        Assert.Equal(2, await MarksWhileWritingAsync(new LeapingClock(TimeSpan.FromSeconds(16))));
        Assert.Equal(0, await Redis().SortedSetLengthAsync(OwnerVersionScripts.WritingKey(user.Id)));

        Task<long> MarksWhileWritingAsync(TimeProvider clock) => api.First.WithDatabaseAsync(db =>
            new OwnerTransaction(db, api.First.Services.GetRequiredService<OwnerVersions>(), clock).RunAsync(
                [user.Id], _ => Redis().SortedSetLengthAsync(OwnerVersionScripts.WritingKey(user.Id)), CancellationToken.None));
    }

    [Fact]
    public async Task A_write_that_was_given_up_before_its_commit_leaves_nothing_behind()
    {
        var user = await api.First.CreateUserAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => api.First.WithDatabaseAsync(db =>
            new OwnerTransaction(db, api.First.Services.GetRequiredService<OwnerVersions>(), TimeProvider.System).RunAsync<int>(
                [user.Id],
                $"""
                first as (
                    insert into tasks (owner_id, title, description, completed, created_at, updated_at)
                    values ({user.Id}, 'never', '', false, now(), now()) returning id as "Value"
                )
                """,
                (_, _) => throw new InvalidOperationException("as if something failed"),
                CancellationToken.None)));

        Assert.Equal(0, await Redis().SortedSetLengthAsync(OwnerVersionScripts.WritingKey(user.Id)));
        Assert.Equal(0, await api.First.WithDatabaseAsync(db => db.StatisticsMarks.CountAsync(mark => mark.OwnerId == user.Id)));
        Assert.Empty(await user.Client.GetTitlesAsync());
        using var cached = await user.Client.GetAsync("/tasks");
        Assert.NotNull(cached.Headers.Age);
    }

    private IDatabase Redis() => api.First.Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

    // Each look at it is so much later than the one before.
    private sealed class LeapingClock(TimeSpan leap) : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks) * leap.Ticks;
    }

    private sealed class LostAnswer : Microsoft.EntityFrameworkCore.Diagnostics.DbTransactionInterceptor
    {
        private bool _lost;

        public override Task TransactionCommittedAsync(
            System.Data.Common.DbTransaction transaction,
            Microsoft.EntityFrameworkCore.Diagnostics.TransactionEndEventData eventData,
            CancellationToken cancellationToken = default)
        {
            if (_lost)
            {
                return Task.CompletedTask;
            }

            _lost = true;
            throw new Npgsql.NpgsqlException("as if the connection broke", new IOException());
        }
    }

    private sealed class StallingStore(IOutputCacheStore inner) : IOutputCacheStore
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _holding;

        public Task Reached => _reached.Task;

        public void Hold() => _holding = true;

        public void Release() => _released.SetResult();

        public ValueTask<byte[]?> GetAsync(string key, CancellationToken cancellationToken) => inner.GetAsync(key, cancellationToken);

        public async ValueTask SetAsync(string key, byte[] value, string[]? tags, TimeSpan validFor, CancellationToken cancellationToken)
        {
            if (_holding)
            {
                _reached.TrySetResult();
                await _released.Task;
            }

            await inner.SetAsync(key, value, tags, validFor, CancellationToken.None);
        }

        public ValueTask EvictByTagAsync(string tag, CancellationToken cancellationToken) => inner.EvictByTagAsync(tag, cancellationToken);
    }
}
