using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using TaskTracker.Data;
using TaskTracker.Data.Deliveries;

namespace TaskTracker.Jobs.Deliveries;

/// <summary>
/// Posts notifications to their owners' URLs. The client is one of its own: it connects to the addresses that
/// <see cref="WebhookGuard"/> has checked and to no others, follows no redirect, uses no proxy, keeps no cookies, and
/// tells the receiver, traces and metrics nothing of what it does not have to.
/// </summary>
internal sealed class WebhookChannel : IDisposable
{
    /// <summary>Holds the time and the signature: <c>t=…,v1=…</c>.</summary>
    public const string SignatureHeader = "X-TaskTracker-Signature";

    /// <summary>Holds the delivery's number, the same at each attempt.</summary>
    public const string DeliveryHeader = "X-TaskTracker-Delivery";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly WebhookGuard _guard;
    private readonly WebhookSecrets _secrets;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _limit;
    private readonly HttpClient _client;

    public WebhookChannel(WebhookGuard guard, WebhookSecrets secrets, TimeProvider clock)
        : this(guard, secrets, clock, TimeSpan.FromSeconds(10))
    {
    }

    /// <param name="guard">Says which addresses may be called.</param>
    /// <param name="secrets">Opens the secrets.</param>
    /// <param name="clock">The clock of signatures.</param>
    /// <param name="limit">How long one post may take, from resolving to the answer's headers.</param>
    internal WebhookChannel(WebhookGuard guard, WebhookSecrets secrets, TimeProvider clock, TimeSpan limit)
    {
        (_guard, _secrets, _clock, _limit) = (guard, secrets, clock, limit);
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            // The answer's status is all that is read.
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 16 * 1024,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            // Either would make a span, or a series, of each user's URL.
            ActivityHeadersPropagator = null,
            MeterFactory = new UnheardMeters(),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Sends one.</summary>
    /// <exception cref="DeliveryException">The receiver has not taken it, or may not be called.</exception>
    public async Task SendAsync(ClaimedDelivery delivery, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_limit);
        try
        {
            using var request = Write(delivery);
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                var status = (int)response.StatusCode;
                throw new DeliveryException(status is >= 300 and < 400
                    ? $"The receiver answered {status}: redirects are not followed, so set the URL that it leads to."
                    : $"The receiver answered {status}.");
            }
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DeliveryException($"The receiver did not answer within {_limit.TotalSeconds:0.#} s.", exception) { IsUnreachable = true };
        }
        catch (WebhookRefusedException exception)
        {
            throw Refused(exception);
        }
        catch (HttpRequestException exception)
        {
            throw Describe(exception);
        }
    }

    /// <summary>The signature of a body.</summary>
    /// <param name="secret">The secret as its owner was shown it.</param>
    /// <param name="time">When it is sent, in seconds since 1970.</param>
    /// <param name="body">The body's bytes.</param>
    /// <returns>HMAC-SHA256 of the time, a full stop and the body, in lower-case hexadecimal.</returns>
    internal static string Sign(string secret, long time, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{time}.")));
        hmac.AppendData(body);
        return Convert.ToHexStringLower(hmac.GetHashAndReset());
    }

    private HttpRequestMessage Write(ClaimedDelivery delivery)
    {
        var url = WebhookGuard.Parse(delivery.WebhookUrl!);
        var body = JsonSerializer.SerializeToUtf8Bytes(WebhookBody.From(delivery), s_json);
        var time = _clock.GetUtcNow().ToUnixTimeSeconds();
        var signature = Sign(_secrets.Open(delivery.OwnerId, delivery.WebhookSecret!), time, body);

        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("TaskTracker", "1"));
        request.Headers.Add(DeliveryHeader, delivery.Id.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(SignatureHeader, string.Create(CultureInfo.InvariantCulture, $"t={time},v1={signature}"));
        return request;
    }

    // Connects to what was checked: a name that resolves to something else a moment later changes nothing.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await _guard.ResolveAsync(context.InitialRequestMessage.RequestUri!, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            // No stream owns it yet.
            socket.Dispose();
            throw;
        }
    }

    private static DeliveryException Describe(HttpRequestException exception) => exception switch
    {
        { InnerException: WebhookRefusedException refused } => Refused(refused),
        { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            new("No secure connection to the receiver could be made: check its certificate.", exception) { IsUnreachable = true },
        { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ResponseEnded or HttpRequestError.ConfigurationLimitExceeded } =>
            new("The receiver's answer is not HTTP, or too long.", exception),
        _ => new("The receiver cannot be reached.", exception) { IsUnreachable = true },
    };

    private static DeliveryException Refused(WebhookRefusedException exception) =>
        new($"The webhook's URL may not be called. {exception.Message}", exception) { IsFinal = true };

    private sealed class UnheardMeters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new("TaskTracker.Unheard");

        public void Dispose()
        {
            // A meter that nobody listens to holds nothing.
        }
    }

    /// <summary>What is posted.</summary>
    private sealed record WebhookBody(
        long DeliveryId, string Kind, long? NotificationId, long? TaskId, string? Title, string? Deadline, long? LeadSeconds, string CreatedAt)
    {
        public static WebhookBody From(ClaimedDelivery delivery) => new(
            delivery.Id,
            delivery.Kind ?? "test",
            delivery.NotificationId,
            delivery.TaskId,
            delivery.Title,
            delivery.Deadline is { } deadline ? UtcText.Format(deadline) : null,
            (long?)delivery.LeadTime?.TotalSeconds,
            UtcText.Format(delivery.CreatedAt));
    }
}
