using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;

namespace TaskTracker.Api.Http;

/// <summary>How many requests a user, or an address, may send to one replica in a minute.</summary>
internal static class RateLimits
{
    /// <summary>The policy of routes that try passwords or make accounts.</summary>
    public const string Credentials = "credentials";

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    public static void AddRateLimits(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<RateLimitOptions>()
            .Configure(options =>
            {
                if (builder.Environment.IsProduction())
                {
                    (options.PerUser, options.PerAddress, options.CredentialsPerAddress) = (1_200, 300, 20);
                }
            })
            .BindConfiguration(RateLimitOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (context, _) =>
            {
                // A sliding window always has a next segment.
                context.HttpContext.Response.Headers.RetryAfter = $"{Window.TotalSeconds / Segments:0}";
                return ValueTask.CompletedTask;
            };
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
                context.User.Identity is { IsAuthenticated: true }
                    ? Limit($"user {context.User.GetUserId()}", OptionsOf(context).PerUser)
                    : Limit($"address {AddressOf(context)}", OptionsOf(context).PerAddress));
            limiter.AddPolicy(Credentials, context => Limit(AddressOf(context), OptionsOf(context).CredentialsPerAddress));
        });
    }

    private const int Segments = 6;

    private static RateLimitPartition<string> Limit(string who, int permits) => permits == 0
        ? RateLimitPartition.GetNoLimiter("none")
        : RateLimitPartition.GetSlidingWindowLimiter(who, _ => new SlidingWindowRateLimiterOptions
        {
            PermitLimit = permits,
            Window = Window,
            SegmentsPerWindow = Segments,
            QueueLimit = 0,
        });

    private static RateLimitOptions OptionsOf(HttpContext context) =>
        context.RequestServices.GetRequiredService<IOptions<RateLimitOptions>>().Value;

    // One customer of an IPv6 provider has at least a /64.
    private static string AddressOf(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } address => address.MapToIPv4().ToString(),
        { AddressFamily: AddressFamily.InterNetworkV6 } address => new IPAddress([.. address.GetAddressBytes().AsSpan(0, 8), 0, 0, 0, 0, 0, 0, 0, 0]).ToString(),
        var address => address.ToString(),
    };
}

/// <summary>
/// The most requests in a minute, to each replica; zero is no limit. In Production the defaults are 1,200, 300 and 20, elsewhere
/// there are none. Bound to the configuration section <c>RateLimits</c>.
/// </summary>
internal sealed class RateLimitOptions
{
    public const string SectionName = "RateLimits";
    private const string Problem = "{0} must be a number from 0 (no limit) to 1000000: the most requests in a minute.";

    /// <summary>Of one user.</summary>
    [Range(0, 1_000_000, ErrorMessage = $"{SectionName}:{Problem}")]
    public int PerUser { get; set; }

    /// <summary>Of one address, without a token.</summary>
    [Range(0, 1_000_000, ErrorMessage = $"{SectionName}:{Problem}")]
    public int PerAddress { get; set; }

    /// <summary>Of one address, to register and log in.</summary>
    [Range(0, 1_000_000, ErrorMessage = $"{SectionName}:{Problem}")]
    public int CredentialsPerAddress { get; set; }
}
