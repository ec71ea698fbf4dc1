using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace TaskTracker.ServiceDefaults;

internal static class Resilience
{
    public static IHttpClientBuilder AddResilience(this IHttpClientBuilder http) =>
        http.AddHttpMessageHandler(services => new ResilienceHandler(services.GetService<TimeProvider>() ?? TimeProvider.System));
}

/// <summary>
/// Limits each outgoing request and each attempt in time, tries again what may be sent twice, and leaves a server alone
/// for a while that fails most of the time.
/// </summary>
internal sealed class ResilienceHandler(TimeProvider clock) : DelegatingHandler
{
    public static readonly TimeSpan TotalLimit = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(10);
    public const int Retries = 3;

    private static readonly ResiliencePropertyKey<HttpMethod> Method = new("method");

    private static readonly Predicate<Outcome<HttpResponseMessage>> MayPass = new PredicateBuilder<HttpResponseMessage>()
        .Handle<HttpRequestException>()
        .Handle<TimeoutRejectedException>()
        .HandleResult(response => response.StatusCode
            is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError)
        .Build();

    // By server, so that one that fails does not cut off the others. The factory replaces handlers every few minutes:
    // servers no longer called are forgotten with them.
    private readonly ConcurrentDictionary<string, ResiliencePipeline<HttpResponseMessage>> _pipelines = [];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var pipeline = _pipelines.GetOrAdd(request.RequestUri!.GetLeftPart(UriPartial.Authority), _ => BuildPipeline());
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        context.Properties.Set(Method, request.Method);
        try
        {
            return await pipeline.ExecuteAsync(
                async attempt => await base.SendAsync(request, attempt.CancellationToken), context);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private ResiliencePipeline<HttpResponseMessage> BuildPipeline() =>
        new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }
            .AddTimeout(TotalLimit)
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = Retries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromSeconds(1),
                ShouldHandle = failure => new(IsIdempotent(failure.Context) && MayPass(failure.Outcome)),
                DelayGenerator = failure => new(failure.Outcome.Result?.Headers.RetryAfter?.Delta),
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<HttpResponseMessage>
            {
                FailureRatio = 0.5,
                MinimumThroughput = 10,
                SamplingDuration = TimeSpan.FromSeconds(30),
                BreakDuration = TimeSpan.FromSeconds(5),
                ShouldHandle = failure => new(MayPass(failure.Outcome)),
            })
            .AddTimeout(AttemptLimit)
            .Build();

    private static bool IsIdempotent(ResilienceContext context) =>
        context.Properties.TryGetValue(Method, out var method)
        && (method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Options
            || method == HttpMethod.Put || method == HttpMethod.Delete);
}
