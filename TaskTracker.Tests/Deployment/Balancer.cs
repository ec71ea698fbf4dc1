using System.Collections.Concurrent;
using System.Net;

namespace TaskTracker.Tests.Deployment;

/// <summary>Spreads requests over the replicas that say they are ready, as a load balancer does: it looks five times a second.</summary>
internal sealed class Balancer : HttpMessageHandler
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);

    private readonly SocketsHttpHandler _handler = new();
    private readonly HttpMessageInvoker _invoker;
    private readonly ConcurrentDictionary<PublishedService, (bool IsReady, int Answered)> _replicas = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Task _looking;
    private int _next;

    public Balancer(params IEnumerable<PublishedService> replicas)
    {
        _invoker = new HttpMessageInvoker(_handler, disposeHandler: true);
        foreach (var replica in replicas)
        {
            Add(replica);
        }

        _looking = LookAsync();
    }

    /// <summary>Sends a replica requests too, from the first look on.</summary>
    public void Add(PublishedService replica) => _replicas[replica] = (true, 0);

    public int Answered(PublishedService replica) => _replicas[replica].Answered;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var ready = _replicas.Where(replica => replica.Value.IsReady).Select(replica => replica.Key).OrderBy(replica => replica.Port).ToList();
        Assert.NotEmpty(ready);
        var replica = ready[(int)((uint)Interlocked.Increment(ref _next) % ready.Count)];
        request.RequestUri = new Uri(replica.Address, request.RequestUri!.PathAndQuery);

        var answer = await _invoker.SendAsync(request, cancellationToken);
        _replicas.AddOrUpdate(replica, _ => default, (_, state) => (state.IsReady, state.Answered + 1));
        return answer;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _end.Cancel();
            _looking.GetAwaiter().GetResult();
            _invoker.Dispose();
            _end.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<bool> IsReadyAsync(PublishedService replica)
    {
        using var question = new HttpRequestMessage(HttpMethod.Get, new Uri(replica.Address, "/health"));
        try
        {
            using var answer = await _invoker.SendAsync(question, _end.Token);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(s_look);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token))
            {
                await Task.WhenAll(_replicas.Keys.Select(async replica =>
                {
                    var isReady = await IsReadyAsync(replica);
                    _replicas.AddOrUpdate(replica, _ => default, (_, state) => (isReady, state.Answered));
                }));
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Enough looked.
        }
    }
}
