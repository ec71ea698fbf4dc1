using System.Net.Http.Json;
using System.Text.Json;

namespace TaskTracker.Tests.Contract;

/// <summary>The OpenAPI document as tests read it: which routes there are, what they take, and which answers they declare.</summary>
internal sealed class ApiDocument(JsonElement root)
{
    private static readonly string[] s_methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    public IReadOnlyList<ApiOperation> Operations { get; } =
    [
        .. from path in root.GetProperty("paths").EnumerateObject()
           from operation in path.Value.EnumerateObject()
           where s_methods.Contains(operation.Name)
           select new ApiOperation(operation.Name.ToUpperInvariant(), path.Name, operation.Value),
    ];

    public static async Task<ApiDocument> ReadAsync(HttpClient client) => new(await client.GetFromJsonAsync<JsonElement>("/openapi/v1.json"));

    /// <summary>The operation that a request was for; null where no route is.</summary>
    public ApiOperation? Find(HttpMethod method, string target)
    {
        var segments = target.Split('?')[0].TrimEnd('/').Split('/');

        // A route that names a segment wins over one that takes any.
        return Operations.Where(operation => operation.Method == method.Method && Matches(operation.Path.TrimEnd('/').Split('/')))
            .MinBy(operation => operation.Path.Count(letter => letter == '{'));

        bool Matches(string[] path) => path.Length == segments.Length && path.Zip(segments).All(pair => pair.First == pair.Second || pair.First.StartsWith('{'));
    }

    /// <summary>Fails where the route of the request does not declare the answer's status and content type.</summary>
    public void AssertDeclares(HttpResponseMessage response)
    {
        var request = response.RequestMessage!;
        if (Find(request.Method, request.RequestUri!.PathAndQuery) is not { } operation)
        {
            return;
        }

        var status = $"{(int)response.StatusCode}";
        Assert.True(operation.Responses.TryGetProperty(status, out var declared), $"{operation} answered {status}, which it does not declare.");
        if (response.Content.Headers.ContentType?.MediaType is { } type)
        {
            Assert.True(
                Resolve(declared).TryGetProperty("content", out var content) && content.EnumerateObject().Any(media => media.Name.Split(';')[0] == type),
                $"{operation} answered {status} as {type}, which it does not declare.");
        }
    }

    /// <summary>What a <c>$ref</c> stands for; anything else is itself.</summary>
    public JsonElement Resolve(JsonElement element)
    {
        while (element.ValueKind == JsonValueKind.Object)
        {
            if (element.TryGetProperty("$ref", out var reference))
            {
                element = reference.GetString()!.Split('/').Skip(1).Aggregate(root, (at, name) => at.GetProperty(name));
            }
            else if (element.TryGetProperty("oneOf", out var several) && several.EnumerateArray().FirstOrDefault(one => one.TryGetProperty("$ref", out _)) is { ValueKind: JsonValueKind.Object } one)
            {
                // What may be null is itself or null.
                element = one;
            }
            else
            {
                break;
            }
        }

        return element;
    }

    /// <summary>The example of a body: its own, or the one of its schema, or of its items' schema.</summary>
    public JsonElement? ExampleOf(JsonElement content)
    {
        if (content.TryGetProperty("example", out var example))
        {
            return example;
        }

        if (!content.TryGetProperty("schema", out var schema))
        {
            return null;
        }

        var resolved = Resolve(schema);
        return resolved.TryGetProperty("examples", out var examples) ? examples[0]
            : resolved.TryGetProperty("items", out var items) ? ExampleOf(JsonSerializer.SerializeToElement(new { schema = items }))
            : null;
    }
}

/// <summary>A route and a method of it, as the document describes them.</summary>
internal sealed record ApiOperation(string Method, string Path, JsonElement Description)
{
    public JsonElement Responses => Description.GetProperty("responses");

    public bool IsSecured => Description.TryGetProperty("security", out var security) && security.GetArrayLength() > 0;

    /// <summary>Whether it takes more than being somebody.</summary>
    public bool NeedsRole => Declares(403);

    public JsonElement? Body => Description.TryGetProperty("requestBody", out var body) ? body.GetProperty("content") : null;

    /// <summary>Its body where it takes one: as JSON, or as the simpler of forms.</summary>
    public JsonProperty? Content => Body?.EnumerateObject().FirstOrDefault(type => type.Name != "multipart/form-data");

    public IEnumerable<JsonElement> Parameters(string place) => Description.TryGetProperty("parameters", out var parameters)
        ? parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == place)
        : [];

    public bool Takes(string header) => Parameters("header").Any(parameter => parameter.GetProperty("name").GetString() == header);

    public bool Declares(int status) => Responses.TryGetProperty($"{status}", out _);

    public bool AnswersHeader(int status, string header) =>
        Responses.TryGetProperty($"{status}", out var response) && response.TryGetProperty("headers", out var headers) && headers.TryGetProperty(header, out _);

    public override string ToString() => $"{Method} {Path}";
}
