using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Api.Paging;

/// <summary>A page of a list.</summary>
/// <param name="Items">What is on it.</param>
/// <param name="NextCursor">Goes into <c>cursor</c> for the next page; null on the last. The <c>Link</c> header says the same.</param>
/// <typeparam name="T">What the list holds.</typeparam>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>Cuts lists into pages.</summary>
internal static class Pages
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;
    public const string LimitProblem = "Must be a number from 1 to 200.";

    /// <summary>Makes the page of <paramref name="found"/>, which holds one row more than the limit where a page follows.</summary>
    public static Page<TItem> Page<TRow, TItem>(
        this HttpResponse response, IReadOnlyList<TRow> found, int limit, Func<TRow, TItem> show, Func<TRow, Cursor> cursor)
    {
        var items = found.Take(limit).Select(show).ToList();
        if (found.Count <= limit)
        {
            return new Page<TItem>(items, null);
        }

        var next = cursor(found[limit - 1]).ToString();
        var request = response.HttpContext.Request;
        var query = new QueryBuilder(request.Query
            .Where(parameter => !parameter.Key.Equals("cursor", StringComparison.OrdinalIgnoreCase))
            .SelectMany(parameter => parameter.Value, (parameter, value) => KeyValuePair.Create(parameter.Key, value ?? "")))
        {
            { "cursor", next },
        };

        // A path alone: it holds behind every proxy and under every name this service is reached by.
        response.Headers[HeaderNames.Link] = $"<{request.PathBase}{request.Path}{query.ToQueryString()}>; rel=\"next\"";

        return new Page<TItem>(items, next);
    }
}
