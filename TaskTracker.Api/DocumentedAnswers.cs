using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;
using TaskTracker.Api.Errors;
using TaskTracker.Api.Http;
using TaskTracker.Api.Paging;

namespace TaskTracker.Api;

/// <summary>
/// Adds to each documented route what follows from its shape, so that no route has to say it and none forgets it: the
/// refusals that can meet it, and the headers that go with its answers.
/// </summary>
internal sealed class DocumentedAnswers : IOpenApiOperationTransformer
{
    private const string ProblemType = "application/problem+json";

    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        operation.Responses ??= [];
        operation.Parameters ??= [];
        AddRefusals(operation, context.Document!, metadata);
        AddHeaders(operation, context.Description.SupportedResponseTypes.Any(response =>
            response.Type is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Page<>)));
        AddExamples(operation, [.. metadata.OfType<DocumentedExample>()]);

        return Task.CompletedTask;
    }

    private static void AddRefusals(OpenApiOperation operation, OpenApiDocument document, IList<object> metadata)
    {
        var parameters = operation.Parameters!;
        if (!metadata.OfType<IAllowAnonymous>().Any())
        {
            Refuse(StatusCodes.Status401Unauthorized);
        }

        if (metadata.OfType<IAuthorizeData>().Any(rule => rule.Policy is not null || rule.Roles is not null))
        {
            Refuse(StatusCodes.Status403Forbidden);
        }

        if (!metadata.OfType<DisableRateLimitingAttribute>().Any())
        {
            Refuse(StatusCodes.Status429TooManyRequests);
        }

        if (parameters.Any(parameter => parameter.In == ParameterLocation.Path))
        {
            Refuse(StatusCodes.Status404NotFound);
        }

        if (operation.RequestBody is not null || parameters.Any(parameter => parameter.In is ParameterLocation.Query or ParameterLocation.Header)
            || operation.Responses!.ContainsKey("412"))
        {
            Refuse(StatusCodes.Status400BadRequest);
        }

        if (operation.RequestBody is not null)
        {
            Refuse(StatusCodes.Status413PayloadTooLarge);
            Refuse(StatusCodes.Status415UnsupportedMediaType);
        }

        if (parameters.Any(parameter => parameter.Name == Idempotency.Header))
        {
            Refuse(StatusCodes.Status422UnprocessableEntity);
        }

        Refuse(StatusCodes.Status414UriTooLong);

        // What a handler's type declares has neither a body nor a sentence.
        foreach (var status in operation.Responses!.Keys.Where(status => status[0] is '4').ToList())
        {
            Refuse(int.Parse(status, System.Globalization.CultureInfo.InvariantCulture));
        }

        void Refuse(int status)
        {
            var schema = status == StatusCodes.Status400BadRequest ? nameof(HttpValidationProblemDetails) : nameof(ProblemDetails);
            operation.Responses![$"{status}"] = new OpenApiResponse
            {
                Description = ReasonPhrases.GetReasonPhrase(status),
                Content = new Dictionary<string, OpenApiMediaType> { [ProblemType] = new() { Schema = new OpenApiSchemaReference(schema, document) } },
            };
        }
    }

    private static void AddHeaders(OpenApiOperation operation, bool isPage)
    {
        var responses = operation.Responses!;
        if (responses.ContainsKey("304"))
        {
            Send("If-None-Match", "ETags that the client has: 304 where one of them still holds.");
            Answer("200", HeaderNames.ETag, "Changes with what is answered.");
            Answer("304", HeaderNames.ETag, "The one that still holds.");
        }

        if (responses.ContainsKey("412"))
        {
            Send("If-Match", "ETags that reads have answered: 412 where none of them holds any more.");
            Answer("200", HeaderNames.ETag, "Changes with what is answered.");
        }

        if (isPage)
        {
            Answer("200", HeaderNames.Link, "The next page, as rel=\"next\"; absent on the last.");
        }

        Answer("201", HeaderNames.Location, "Where it is.");
        Answer("202", HeaderNames.Location, "Where to see how far it is.");
        Answer("401", HeaderNames.WWWAuthenticate, "Always Bearer.");
        Answer("429", HeaderNames.RetryAfter, "How long to wait, in seconds.");
        Answer("503", HeaderNames.RetryAfter, "How long to wait, in seconds, where that is known.");

        void Send(string name, string description)
        {
            if (operation.Parameters!.All(parameter => parameter.Name != name))
            {
                operation.Parameters!.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Header, Description = description, Schema = Text() });
            }
        }

        void Answer(string status, string name, string description)
        {
            if (responses.TryGetValue(status, out var declared) && declared is OpenApiResponse response)
            {
                response.Headers ??= new Dictionary<string, IOpenApiHeader>();
                response.Headers[name] = new OpenApiHeader { Description = description, Schema = Text() };
            }
        }

        static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };
    }

    // Types have theirs at their schemas; this is for what has no type of its own.
    private static void AddExamples(OpenApiOperation operation, List<DocumentedExample> examples)
    {
        foreach (var (type, content) in operation.RequestBody?.Content ?? new Dictionary<string, OpenApiMediaType>())
        {
            content.Example ??= examples.FirstOrDefault(example => example.ContentType == type)?.Value;
        }

        foreach (var (status, response) in operation.Responses!)
        {
            foreach (var (type, content) in response.Content ?? new Dictionary<string, OpenApiMediaType>())
            {
                content.Example ??= type == ProblemType
                    ? ProblemOf(int.Parse(status, System.Globalization.CultureInfo.InvariantCulture))
                    : examples.FirstOrDefault(example => example.ContentType == type)?.Value;
            }
        }
    }

    private static JsonObject ProblemOf(int status)
    {
        const string Blank = "Must be given, and not be blank.";
        return status == StatusCodes.Status400BadRequest
            ? new()
            {
                ["title"] = Refusals.NotValid,
                ["status"] = status,
                ["detail"] = $"title: {Blank}",
                ["errors"] = new JsonObject { ["title"] = new JsonArray(Blank) },
            }
            : new() { ["title"] = ReasonPhrases.GetReasonPhrase(status), ["status"] = status, ["detail"] = Refusals.DetailOf(status) ?? ReasonPhrases.GetReasonPhrase(status) };
    }
}

/// <summary>What a body without a type of its own looks like.</summary>
/// <param name="ContentType">The body's content type.</param>
/// <param name="Value">The body.</param>
internal sealed record DocumentedExample(string ContentType, JsonNode Value);
