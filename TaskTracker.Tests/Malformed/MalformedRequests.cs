using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using TaskTracker.Tests.Contract;

namespace TaskTracker.Tests.Malformed;

/// <summary>Tokens that must not let anybody in.</summary>
/// <param name="Bearer">Values of the Authorization header.</param>
/// <param name="Refresh">Refresh tokens: used, revoked, forged.</param>
internal sealed record BadTokens(string[] Bearer, string[] Refresh);

/// <summary>
/// Makes malformed requests from the OpenAPI document: each is a right request of some route with one thing made wrong, so a new
/// route, field or parameter is attacked as soon as it is documented.
/// </summary>
/// <param name="document">The document.</param>
/// <param name="mine">Who sends, and what is there to be named rightly.</param>
/// <param name="theirs">Whose things are named wrongly.</param>
/// <param name="tokens">Tokens that are good for nothing.</param>
internal sealed class MalformedRequests(ApiDocument document, Belongings mine, Belongings theirs, BadTokens tokens)
{
    private const string Json = "application/json";

    private static readonly string[] s_noDates =
        ["\"tomorrow\"", "\"0000-00-00\"", "\"99999-01-01T00:00:00Z\"", "\"2030-02-30T00:00:00Z\"", "\"\"", "\"\\u0000\"", "\"2030-01-01T25:00:00Z\"", "1893456000", "1e400", "true", "[]", "{}"];

    private static readonly string[] s_noText = ["5", "-1e400", "true", "[]", "[\"a\"]", "{}", "{\"a\":null}", "\"a\\u0000b\"", "\"\\ud800\"", "\"a\\udc00\""];
    private static readonly string[] s_noBooleans = ["\"true\"", "\"yes\"", "0", "1", "1e999", "[]", "{}", "[true]"];
    private static readonly string[] s_noNumbers = ["\"1\"", "1.5", "1e400", "99999999999999999999", "-99999999999999999999", "true", "null", "[]", "{}", "NaN"];
    private static readonly string[] s_noLists = ["5", "\"1,2\"", "{}", "[null]", "[\"1\"]", "[1.5]", "[1e400]", "[[1]]", "[99999999999999999999]", "[]", "null"];
    private static readonly string[] s_noObjects = ["5", "\"a\"", "[]", "true", "null"];

    private static readonly string[] s_noIntegersInQueries = ["x", "-1", "0", "99999999999999999999", "1e9", "NaN", "1.5", "%00", "%F0%9F%92%A9", "1&{0}=2", "0x10", "%ff%fe", "null"];
    private static readonly string[] s_noBooleansInQueries = ["2", "yes", "null", "%00", "true&{0}=false", "%ED%A0%80", "truefalse"];
    private static readonly string[] s_noDatesInQueries = ["tomorrow", "2030-13-45", "%00", "9".PadRight(300, '9'), "2030-01-01T25:00:00Z", "2030-01-01&{0}=2031-01-01"];

    private static readonly string[] s_noIds = ["x", "-x", "1e5", "NaN", "99999999999999999999", "%F0%9F%92%A9", "..%2f..%2fetc", "%ff", "%ED%A0%80", "1;2", "'%3B--", "1%2C2", "0x1", "true", new string('9', 300)];

    // What the document cannot say: words that are neither of a sort nor of a format, and cursors that were not handed out.
    private static readonly Dictionary<string, string[]> s_noWords = new()
    {
        ["sort"] = ["owner_id", "TITLE", "-", "title,id", "+title"],
        ["cursor"] = ["nonsense", "AAAA", "%F0%9F%92%A9", "dGl0bGU6MTph", "=%3D"],
        ["export_format"] = ["xml", "JSON", "", "json,csv", "..%2f"],
    };

    // Headers in which something malformed is an error. Conditions of reads and ranges that cannot be read are passed over (RFC 9110).
    private static readonly Dictionary<string, string[]> s_noHeaders = new()
    {
        ["Idempotency-Key"] = [new('k', 201), new('k', 2_000)],
        ["Last-Event-ID"] = ["x", "-1", "1.5", "99999999999999999999", "1 2", "0x1"],
        ["If-Match"] = ["x", "\"", "W/", "*, *", "\"a\" \"b\"", "5"],
    };

    // What says something that nobody knows is as if it were not there.
    private static readonly string[] s_passedOver = ["If-None-Match", "Refresh-Token"];

    /// <summary>The request of a number: the same for the same seed.</summary>
    public MalformedRequest Create(int seed, int number)
    {
        var random = new Random(unchecked((seed * 1_000_003) + number));
        var operation = Any(random, document.Operations);
        var ways = WaysOf(operation);

        return Any(random, ways)(random, operation);
    }

    private List<Func<Random, ApiOperation, MalformedRequest>> WaysOf(ApiOperation operation)
    {
        List<Func<Random, ApiOperation, MalformedRequest>> ways = [WithAnotherMethod, TooLong];
        if (operation.IsSecured)
        {
            ways.Add(WithABadToken);
        }

        if (operation.Body is { } body)
        {
            ways.Add(WithAnotherType);
            if (IsJson(body))
            {
                // Where most can go wrong.
                ways.AddRange([WithABadField, WithABadField, WithABadField, WithBrokenJson, WithBrokenJson]);
            }
            else
            {
                ways.AddRange([WithABrokenForm, WithABrokenForm]);
            }
        }

        if (operation.Path == "/auth/refresh")
        {
            ways.Add(WithABadRefreshToken);
        }

        if (operation.Parameters("query").Any())
        {
            ways.AddRange([WithABadQuery, WithABadQuery, WithABadQuery]);
        }

        if (operation.Parameters("path").Any())
        {
            ways.AddRange([WithNoId, WithAnothersId]);
        }

        if (HeadersOf(operation).Count > 0)
        {
            ways.Add(WithABadHeader);
        }

        return ways;
    }

    private MalformedRequest Right(string what, ApiOperation operation)
    {
        var request = new MalformedRequest(what, operation, operation.Method, Path(operation, mine))
        {
            Token = operation.IsSecured ? $"Bearer {mine.User.AccessToken}" : null,
        };

        return operation.Content is { } content
            ? request with { ContentType = content.Name, Body = ExampleOf(content.Value) }
            : request;
    }

    private static string Path(ApiOperation operation, Belongings whose) =>
        operation.NeedsRole ? System.Text.RegularExpressions.Regex.Replace(operation.Path, "{[^}]+}", "1") : whose.Fill(operation.Path);

    private byte[] ExampleOf(JsonElement content)
    {
        var example = document.ExampleOf(content)!.Value;
        return Encoding.UTF8.GetBytes(example.ValueKind == JsonValueKind.String ? example.GetString()! : example.GetRawText());
    }

    private static bool IsJson(JsonElement body) => body.TryGetProperty(Json, out _);

    // A role is asked for before anything is read.
    private static MalformedRequest Refused(MalformedRequest request, int status, string? field = null) =>
        request.Operation!.NeedsRole ? request with { Status = null } : request with { Status = status, Field = field };

    private MalformedRequest WithAnotherMethod(Random random, ApiOperation operation) =>
        Right("a method that is not there", operation) with { Method = Any(random, ["PATCH", "BREW", "TRACE", "PROPFIND"]), Status = 405, Token = $"Bearer {mine.User.AccessToken}" };

    private MalformedRequest TooLong(Random random, ApiOperation operation)
    {
        var request = Right("a target that is too long", operation);
        return request with { Target = $"{request.Target}?x={new string('x', random.Next(8_000, 20_000))}", Status = 414 };
    }

    private MalformedRequest WithABadToken(Random random, ApiOperation operation)
    {
        var token = Any(random, tokens.Bearer);
        return Right("a bad token", operation) with { Token = token, Status = 401 };
    }

    private MalformedRequest WithABadRefreshToken(Random random, ApiOperation operation) => Right("a bad refresh token", operation) with
    {
        Body = JsonSerializer.SerializeToUtf8Bytes(new { refresh_token = Any(random, tokens.Refresh) }),
        Status = 401,
    };

    private MalformedRequest WithAnotherType(Random random, ApiOperation operation)
    {
        var request = Right("another content type", operation);
        if (random.Next(3) > 0)
        {
            return Refused(request with { ContentType = Any(random, ["text/plain", "application/xml", "nonsense", "application/octet-stream", "text/html; charset=utf-8", "/"]) }, 415);
        }

        // The right type, and not what is in the body.
        return IsJson(operation.Body!.Value)
            ? Any(random,
            [
                Refused(request with { What = "a body said to be UTF-16", ContentType = $"{Json}; charset=utf-16" }, 400),
                Refused(request with { What = "an unknown charset", ContentType = $"{Json}; charset=nonsense" }, 415),
                Refused(request with { What = "a compressed body", ContentEncoding = "gzip", Body = Compress(request.Body!) }, 415),
                Refused(request with { What = "a body said to be compressed", ContentEncoding = "br" }, 415),
            ])
            : Refused(request with { What = "a form without a boundary", ContentType = "multipart/form-data" }, 400);
    }

    private MalformedRequest WithABadField(Random random, ApiOperation operation)
    {
        var content = operation.Body!.Value.GetProperty(Json);
        var (field, schema, isRequired) = Any(random, [.. FieldsOf(content.GetProperty("schema"), "")]);
        var example = JsonNode.Parse(ExampleOf(content))!.AsObject();
        var bad = Any(random, [.. BadValuesOf(schema, isRequired)]);

        // As text, for much of it no JSON library would write.
        var path = field.Split('.');
        var owner = path[..^1].Aggregate(example, (at, name) => at[name]!.AsObject());
        const string Mark = "3f0d6f5b";
        owner[path[^1]] = Mark;
        var text = example.ToJsonString().Replace($"\"{Mark}\"", bad, StringComparison.Ordinal);

        return Refused(Right($"{field} = {(bad.Length > 60 ? $"{bad.Length} characters" : bad)}", operation) with { Body = Encoding.UTF8.GetBytes(text) }, 400, field);
    }

    private IEnumerable<(string Field, JsonElement Schema, bool IsRequired)> FieldsOf(JsonElement schema, string prefix)
    {
        var resolved = document.Resolve(schema);
        var required = resolved.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(name => name.GetString()).ToHashSet() : [];
        foreach (var property in resolved.GetProperty("properties").EnumerateObject())
        {
            yield return ($"{prefix}{property.Name}", property.Value, required.Contains(property.Name));
            if (document.Resolve(property.Value).TryGetProperty("properties", out _))
            {
                foreach (var inner in FieldsOf(property.Value, $"{prefix}{property.Name}."))
                {
                    yield return inner;
                }
            }
        }
    }

    private IEnumerable<string> BadValuesOf(JsonElement schema, bool isRequired)
    {
        var resolved = document.Resolve(schema);
        var types = TypesOf(resolved);
        if (isRequired && !types.Contains("null"))
        {
            yield return "null";
        }

        var values = types.Contains("array") ? s_noLists
            : types.Contains("boolean") ? s_noBooleans
            : types.Contains("integer") ? s_noNumbers
            : types.Contains("object") || resolved.TryGetProperty("properties", out _) ? s_noObjects
            : resolved.TryGetProperty("format", out var format) && format.GetString() == "date-time" ? s_noDates
            : s_noText;
        foreach (var value in values)
        {
            yield return value;
        }

        if (values == s_noText)
        {
            var longest = resolved.TryGetProperty("maxLength", out var max) ? max.GetInt32() : 20_000;
            yield return $"\"{new string('x', longest + 1)}\"";
            yield return $"\"{string.Concat(Enumerable.Repeat("\\ud83d\\udca9", Math.Min(longest + 1, 20_000)))}\"";
            if (resolved.TryGetProperty("minLength", out var min) && min.GetInt32() > 0)
            {
                yield return "\"\"";
                yield return "\" \\t\\r\\n\"";
            }
        }
    }

    private static string[] TypesOf(JsonElement schema) => !schema.TryGetProperty("type", out var type) ? []
        : type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray().Select(one => one.GetString()!)]
        : [type.GetString()!];

    private MalformedRequest WithBrokenJson(Random random, ApiOperation operation)
    {
        var request = Right("broken JSON", operation);
        var right = Encoding.UTF8.GetString(request.Body!);
        var first = right[..right.IndexOf(',', StringComparison.Ordinal).OrLength(right)];
        var body = random.Next(12) switch
        {
            0 => Encoding.UTF8.GetBytes(right[..random.Next(right.LastIndexOf('}'))]),
            1 => [.. Encoding.UTF8.GetBytes(right), (byte)Any(random, "}]x\"\0,".ToCharArray())],
            2 => Encoding.UTF8.GetBytes(right.Replace(':', Any(random, [';', '=', '\0']))),
            3 => InsertIntoText(right, Any<byte[]>(random, [[0xff], [0xfe, 0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x00], [0x80]])),
            4 => Encoding.UTF8.GetBytes($"{first.TrimEnd('}')},{first.TrimStart('{').TrimEnd('}')}}}"),
            5 => Encoding.UTF8.GetBytes(new string('[', random.Next(65, 5_000))),
            6 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", random.Next(65, 2_000)))),
            7 => Encoding.UTF8.GetBytes(Any(random, ["", "null", "[]", "5", "\"text\"", "true", "{", "}", "{}{}", "//", "{'title':'a'}", "undefined", "\ufeff"])),
            8 => Encoding.Unicode.GetBytes(right),
            9 => Encoding.UTF32.GetBytes(right),
            10 => Enumerable.Range(0, random.Next(1, 3_000)).Select(_ => (byte)random.Next(128, 256)).ToArray(),
            _ => Encoding.UTF8.GetBytes($"[{right}]"),
        };

        return Refused(request with { Body = body }, 400, "");
    }

    private static byte[] InsertIntoText(string json, byte[] bytes)
    {
        // Behind the colon of the first field: within a text, or where a value is to begin.
        var at = json.IndexOf(':', StringComparison.Ordinal) + 3;
        return [.. Encoding.UTF8.GetBytes(json[..at]), .. bytes, .. Encoding.UTF8.GetBytes(json[at..])];
    }

    private MalformedRequest WithABrokenForm(Random random, ApiOperation operation)
    {
        var request = Right("a broken form", operation);
        var (text, field) = Any(random, new (string, string)[]
        {
            ("username=a", "password"), ("password=a", "username"), ("username=&password=b", "username"), ("username=a&password=", "password"), ("", ""), ("&&&", ""),
            ("username=%00&password=b", ""), ($"username={new string('x', 255)}&password=b", "username"), ($"username=a&password={new string('x', 129)}", "password"),
            ("username=%20&password=b", "username"), ("username[]=a&password[]=b", ""), (string.Concat(Enumerable.Repeat("a=b&", 2_000)), ""), ($"{new string('k', 5_000)}=v", ""),
        });

        return Refused(request with { Body = Encoding.UTF8.GetBytes(text) }, 400, field);
    }

    private MalformedRequest WithABadQuery(Random random, ApiOperation operation)
    {
        var parameter = Any(random, [.. operation.Parameters("query")]);
        var name = parameter.GetProperty("name").GetString()!;
        var schema = document.Resolve(parameter.GetProperty("schema"));
        var types = TypesOf(schema);
        var values = types.Contains("integer") ? s_noIntegersInQueries
            : types.Contains("boolean") ? s_noBooleansInQueries
            : schema.TryGetProperty("format", out var format) && format.GetString() == "date-time" ? s_noDatesInQueries
            : name is "due_before" or "due_after" ? s_noDatesInQueries
            : [.. s_noWords.GetValueOrDefault(name) ?? [], "a%00b", new string('x', schema.TryGetProperty("maxLength", out var max) ? max.GetInt32() + 1 : 2_000)];
        var value = Any(random, values).Replace("{0}", name, StringComparison.Ordinal);
        var request = Right($"{name} = {(value.Length > 60 ? $"{value.Length} characters" : value)}", operation);

        return Refused(request with { Target = $"{request.Target}?{name}={value}" }, 400, name);
    }

    private MalformedRequest WithNoId(Random random, ApiOperation operation)
    {
        var path = System.Text.RegularExpressions.Regex.Replace(operation.Path, "{[^}]+}", Any(random, s_noIds).Replace("$", "$$", StringComparison.Ordinal));
        return Refused(Right("what is no id", operation) with { Target = path }, 404);
    }

    private MalformedRequest WithAnothersId(Random random, ApiOperation operation) =>
        Refused(Right("another user's id", operation) with { Target = Path(operation, theirs) }, 404);

    private static List<(string Name, string[] Values)> HeadersOf(ApiOperation operation) =>
    [
        .. from parameter in operation.Parameters("header")
           let name = parameter.GetProperty("name").GetString()!
           where !s_passedOver.Contains(name) && (name != "If-Match" || operation.Method != "GET")
           select (name, s_noHeaders.GetValueOrDefault(name)
               ?? throw new InvalidOperationException($"{operation} takes the header {name}: say in {nameof(MalformedRequests)} what is malformed in it.")),
    ];

    private MalformedRequest WithABadHeader(Random random, ApiOperation operation)
    {
        var (name, values) = Any(random, HeadersOf(operation));
        return Refused(Right("a bad header", operation) with { Headers = [(name, Any(random, values))] }, 400, name);
    }

    private static byte[] Compress(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }

    private static T Any<T>(Random random, IReadOnlyList<T> of) => of[random.Next(of.Count)];
}

internal static class Index
{
    public static int OrLength(this int index, string text) => index < 0 ? text.Length : index;
}
