using System.Net;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.Notifications;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Notifications;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class NotificationStreamTests(ApiFixture api)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task New_notifications_reach_their_owners_streams_on_every_replica_and_nobody_elses()
    {
        var user = await api.First.CreateUserAsync();
        var stranger = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient(user);
        await using var here = await OpenAsync(user.Client);
        await using var there = await OpenAsync(other);

        await InsertAsync(stranger, "theirs");
        var id = await InsertAsync(user, "mine");

        foreach (var stream in (EventStream[])[here, there])
        {
            var (eventId, data) = await stream.ReadAsync();
            Assert.Equal(id, eventId);
            Assert.Contains("\"title\":\"mine\"", data, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_stream_goes_on_after_the_last_event_its_client_saw()
    {
        var user = await api.First.CreateUserAsync();
        var seen = await InsertAsync(user, "seen");
        var missed = await InsertAsync(user, "missed");

        await using var stream = await OpenAsync(user.Client, $"{seen}");
        var news = await InsertAsync(user, "new");

        Assert.Equal(missed, (await stream.ReadAsync()).Id);
        Assert.Equal(news, (await stream.ReadAsync()).Id);
    }

    [Fact]
    public async Task What_a_slower_transaction_commits_below_the_last_event_is_not_lost()
    {
        var user = await api.First.CreateUserAsync();
        var old = await InsertAsync(user, "old");
        // Until then somebody else's transaction, open in this server, might be the slower one, and the old one be told again.
        await Eventually.TrueAsync("no transaction is open that is older than the old one's", () => api.First.WithDatabaseAsync(db => db.Database
            .SqlQuery<bool>($"""select pg_snapshot_xmin(pg_current_snapshot()) > "transaction" as "Value" from notifications where id = {old}""").SingleAsync()));
        var (slow, fast) = (0L, 0L);
        await api.First.WithDatabaseAsync(db => db.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            var row = New(user, "slow");
            db.Notifications.Add(row);
            await db.SaveChangesAsync();
            slow = row.Id;
            fast = await InsertAsync(user, "fast");
            await transaction.CommitAsync();
            return 0;
        }));
        Assert.True(old < slow && slow < fast);

        await using var stream = await OpenAsync(user.Client, $"{fast}");

        // Without an id of its own: the client goes on after the higher one.
        var (id, data) = await stream.ReadAsync();
        Assert.Equal(0, id);
        Assert.Contains($"\"id\":{slow},", data, StringComparison.Ordinal);
        Assert.Equal(await InsertAsync(user, "new"), (await stream.ReadAsync()).Id);
    }

    [Fact]
    public async Task What_is_overtaken_while_a_stream_is_open_does_not_turn_it_back()
    {
        var user = await api.First.CreateUserAsync();
        await using var stream = await OpenAsync(user.Client);
        await api.First.WithDatabaseAsync(db => db.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Notifications.Add(New(user, "slow"));
            await db.SaveChangesAsync();
            var fast = await InsertAsync(user, "fast");
            Assert.Equal(fast, (await stream.ReadAsync()).Id);
            await transaction.CommitAsync();
            return 0;
        }));

        var (id, data) = await stream.ReadAsync();

        Assert.Equal(0, id);
        Assert.Contains("\"title\":\"slow\"", data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_ends_with_its_token()
    {
        var user = await api.First.CreateUserAsync();
        var tokens = new AccessTokens(
            api.First.Services.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>(), new ShiftedClock(TimeSpan.FromSeconds(3) - AccessTokens.Life));
        using var client = api.First.CreateClient(user with { AccessToken = tokens.Create(new User { Id = user.Id, UserName = user.Name }, Guid.NewGuid()) });

        await using var stream = await OpenAsync(client);

        await Assert.ThrowsAsync<EndOfStreamException>(() => stream.ReadAsync());
    }

    [Fact]
    public async Task A_user_has_so_many_streams_and_no_more_and_a_closed_one_makes_room()
    {
        var user = await api.First.CreateUserAsync();
        var streams = new List<EventStream>();
        for (var i = 0; i < NotificationStream.MaxOfUser; i++)
        {
            streams.Add(await OpenAsync(user.Client));
        }

        using (var refused = await user.Client.GetAsync("/notifications/stream", HttpCompletionOption.ResponseHeadersRead))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        }

        await streams[0].DisposeAsync();
        await Eventually.TrueAsync("there is room again", async () =>
        {
            using var response = await user.Client.GetAsync("/notifications/stream", HttpCompletionOption.ResponseHeadersRead);
            return response.StatusCode == HttpStatusCode.OK;
        });
        foreach (var stream in streams.Skip(1))
        {
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_event_id_that_is_none_is_refused()
    {
        var user = await api.First.CreateUserAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/notifications/stream");
        request.Headers.Add("Last-Event-ID", "nonsense");

        using var response = await user.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task A_thousand_notifications_of_one_transaction_all_arrive()
    {
        var user = await api.First.CreateUserAsync();
        await using var stream = await OpenAsync(user.Client);

        // A client that reads slowly is ended, and comes back for the rest.
        var ids = await InsertManyAsync(user, 1_000);
        var received = new HashSet<long>();
        var current = stream;
        while (received.Count < ids.Count)
        {
            try
            {
                received.Add((await current.ReadAsync()).Id);
            }
            catch (EndOfStreamException)
            {
                current = await OpenAsync(user.Client, $"{received.DefaultIfEmpty(ids[0] - 1).Max()}");
            }
        }

        Assert.Equal(ids.Order(), received.Order());
        await current.DisposeAsync();
    }

    [Fact]
    public async Task Unread_notifications_are_counted_and_listed()
    {
        var user = await api.First.CreateUserAsync();
        var first = await InsertAsync(user, "a");
        await InsertAsync(user, "b");

        Assert.Equal("""{"unread":2}""", await user.Client.GetStringAsync("/notifications/unread"));
        using var read = await user.Client.PostAsync($"/notifications/{first}/read", null);
        Assert.Equal("""{"unread":1}""", await user.Client.GetStringAsync("/notifications/unread"));
        Assert.Equal(["b"], await user.Client.GetTitlesAsync("/notifications?unread=true"));
        Assert.Equal(["a"], await user.Client.GetTitlesAsync("/notifications?unread=false"));
    }

    private static async Task<EventStream> OpenAsync(HttpClient client, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/notifications/stream");
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(Limit);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);

        return new EventStream(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    private async Task<long> InsertAsync(ApiUser user, string title) => (await InsertManyAsync(user, 1, title))[0];

    private Task<List<long>> InsertManyAsync(ApiUser user, int count, string title = "n") => api.First.WithDatabaseAsync(async db =>
    {
        var rows = Enumerable.Range(0, count).Select(_ => New(user, title)).ToList();
        db.Notifications.AddRange(rows);
        await db.SaveChangesAsync();
        return rows.ConvertAll(row => row.Id);
    });

    private static Notification New(ApiUser user, string title) => new()
    {
        OwnerId = user.Id,
        TaskId = Random.Shared.NextInt64(long.MaxValue),
        Title = title,
        Kind = NotificationKind.Reminder,
        Deadline = DateTimeOffset.UtcNow,
        CreatedAt = DateTimeOffset.UtcNow,
    };

    private sealed class EventStream(HttpResponseMessage response, StreamReader reader) : IAsyncDisposable
    {
        public async Task<(long Id, string Data)> ReadAsync()
        {
            using var limit = new CancellationTokenSource(Limit);
            var (id, data) = (0L, "");
            while (await reader.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.StartsWith("id: ", StringComparison.Ordinal))
                {
                    id = long.Parse(line[4..], System.Globalization.CultureInfo.InvariantCulture);
                }
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                {
                    data = line[6..];
                }
                else if (line.Length == 0 && data.Length > 0)
                {
                    return (id, data);
                }
            }

            throw new EndOfStreamException();
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class ShiftedClock(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
