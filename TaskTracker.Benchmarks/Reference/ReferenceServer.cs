using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using StackExchange.Redis;

namespace TaskTracker.Benchmarks.Reference;

/// <summary>
/// What the API is compared with: the least that a server of the same framework can do for the same answer. It has no
/// authentication, no logging and no telemetry. A process of its own, as the API is.
/// </summary>
internal static class ReferenceServer
{
    /// <summary>The argument that makes this program the server.</summary>
    public const string Argument = "reference";

    private const string RedisPrefix = "reference:";

    public static async Task<int> RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        // The client, and its settings, that the API has.
        builder.AddRedisOutputCache("cache", settings => (settings.DisableHealthChecks, settings.DisableTracing) = (true, true));
        builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("tasktracker")!));

        var app = builder.Build();
        var redis = app.Services.GetRequiredService<IConnectionMultiplexer>();
        var database = app.Services.GetRequiredService<NpgsqlDataSource>();
        var answers = new Answer[1_000];
        long received = 0;

        app.MapGet("/health", () => TypedResults.Json(new { status = "healthy" }));

        // What is answered from now on at this place.
        app.MapPut("/answers/{place:int}", async (int place, Answer answer) =>
        {
            answers[place] = answer;
            await redis.GetDatabase().StringSetAsync(RedisPrefix + place, answer.Body);
        });

        app.MapGet("/bare/{place:int}", context =>
        {
            var answer = answers[Place(context)];
            return answer.WriteAsync(context, answer.Body);
        });

        app.MapGet("/redis/{place:int}", async context =>
        {
            var place = Place(context);
            await answers[place].WriteAsync(context, (await redis.GetDatabase().StringGetAsync(RedisPrefix + place))!);
        });

        app.MapGet("/page/{owner:int}", context => TaskPage.WriteAsync(database, int.Parse((string)context.Request.RouteValues["owner"]!, null), context));

        // A collector of telemetry (OTLP over HTTP) that reads everything and keeps nothing.
        app.MapPost("/v1/{signal}", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            Interlocked.Add(ref received, body.Length);
            context.Response.ContentType = "application/x-protobuf";
        });
        app.MapGet("/received", () => Interlocked.Read(ref received));

        await app.RunAsync();
        return 0;
    }

    private static int Place(HttpContext context) => int.Parse((string)context.Request.RouteValues["place"]!, null);
}

/// <summary>An answer of the API, to be given in its place.</summary>
/// <param name="Headers">Its headers, but for those that every server writes itself.</param>
/// <param name="Body">Its body.</param>
internal sealed record Answer(Dictionary<string, string> Headers, byte[] Body)
{
    /// <summary>Answers, or says that the client has it already.</summary>
    public Task WriteAsync(HttpContext context, byte[] body)
    {
        var response = context.Response;
        foreach (var (name, value) in Headers)
        {
            response.Headers[name] = value;
        }

        if (context.Request.Headers.IfNoneMatch is [{ } known] && known == response.Headers.ETag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, 0, body.Length);
    }
}
