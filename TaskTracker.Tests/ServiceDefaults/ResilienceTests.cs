using System.Net;
using Polly.CircuitBreaker;
using Polly.Timeout;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Tests.ServiceDefaults;

public sealed class ResilienceTests : IDisposable
{
    private readonly Server _server = new();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task A_read_that_fails_for_a_passing_reason_is_tried_again()
    {
        _server.Answers = [HttpStatusCode.ServiceUnavailable, HttpStatusCode.TooManyRequests, HttpStatusCode.OK];

        using var answer = await SendAsync(HttpMethod.Get);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(3, _server.Calls);
    }

    [Fact]
    public async Task After_the_last_retry_the_caller_gets_the_failure_itself()
    {
        _server.Answers = [HttpStatusCode.BadGateway];

        using var answer = await SendAsync(HttpMethod.Get);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal(1 + ResilienceHandler.Retries, _server.Calls);
    }

    [Fact]
    public async Task What_must_not_be_sent_twice_is_sent_once()
    {
        _server.Answers = [HttpStatusCode.ServiceUnavailable];

        using var answer = await SendAsync(HttpMethod.Post);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(1, _server.Calls);
    }

    [Fact]
    public async Task A_refusal_is_not_tried_again()
    {
        _server.Answers = [HttpStatusCode.NotFound];

        using var answer = await SendAsync(HttpMethod.Get);

        Assert.Equal(1, _server.Calls);
    }

    [Fact]
    public async Task A_server_that_hangs_costs_no_more_than_the_limit()
    {
        _server.Hangs = true;

        await Assert.ThrowsAsync<TimeoutRejectedException>(() => SendAsync(HttpMethod.Post));
    }

    [Fact]
    public async Task A_server_that_fails_most_of_the_time_is_left_alone_and_others_are_not()
    {
        _server.Answers = [HttpStatusCode.InternalServerError];
        using var client = Client();
        for (var i = 0; i < 10; i++)
        {
            using var answer = await client.PostAsync(new Uri("http://bad.example"), null);
        }

        await Assert.ThrowsAsync<BrokenCircuitException>(() => client.PostAsync(new Uri("http://bad.example"), null));
        using var other = await client.PostAsync(new Uri("http://good.example"), null);

        Assert.Equal(11, _server.Calls);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method)
    {
        using var client = Client();
        using var request = new HttpRequestMessage(method, "http://server.example");
        return await client.SendAsync(request);
    }

    private HttpClient Client() => new(new ResilienceHandler(new FastClock()) { InnerHandler = _server }, disposeHandler: false);

    private sealed class Server : HttpMessageHandler
    {
        public HttpStatusCode[] Answers { get; set; } = [];

        public bool Hangs { get; set; }

        public int Calls { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }

            return new HttpResponseMessage(Answers[Math.Min(Calls++, Answers.Length - 1)]);
        }
    }

    /// <summary>A clock whose timers end a hundred times sooner.</summary>
    private sealed class FastClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new FastTimer(base.CreateTimer(callback, state, Sooner(dueTime), period));

        private static TimeSpan Sooner(TimeSpan time) => time > TimeSpan.Zero ? time / 10 : time;

        private sealed class FastTimer(ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(Sooner(dueTime), period);

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
