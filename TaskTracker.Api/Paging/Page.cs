using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using TaskTracker.Api.Json;
using TaskTracker.Data;

namespace TaskTracker.Api.Paging;

/// <summary>A page of a list.</summary>
/// <param name="Items">What is on it.</param>
/// <param name="NextCursor">Goes into <c>cursor</c> for the next page; null on the last. The <c>Link</c> header says the same.</param>
/// <typeparam name="T">What the list holds.</typeparam>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>Which page of a list.</summary>
public record PageQuery
{
    /// <summary>The most on a page: 1 to 200, 50 by default.</summary>
    [Range(1, Pages.MaxLimit, ErrorMessage = Pages.LimitProblem)]
    public int? Limit { get; init; }

    /// <summary>The <c>next_cursor</c> of the page before.</summary>
    [Text(Paging.Cursor.MaxLength)]
    public string? Cursor { get; init; }
}

/// <summary>Cuts lists into pages.</summary>
internal static class Pages
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;
    public const string LimitProblem = "Must be a number from 1 to 200.";

    private const string LatestFirst = "-id";

    /// <summary>Answers a page of rows that are told apart by growing numbers, the latest first.</summary>
    public static async Task<Results<Ok<Page<TItem>>, ValidationProblem>> PageLatestFirstAsync<TRow, TItem>(
        this HttpResponse response, IQueryable<TRow> rows, PageQuery query, Func<TRow, TItem> show, CancellationToken cancellationToken)
        where TRow : class, INumbered
    {
        if (!Cursor.TryParse(query.Cursor, LatestFirst, out var before))
        {
            return TypedResults.ValidationProblem(Cursor.Problem);
        }

        var limit = query.Limit ?? DefaultLimit;
        if (before is not null)
        {
            rows = rows.Where(row => row.Id < before.Id);
        }

        var found = await rows.AsNoTracking().OrderByDescending(row => row.Id).Take(limit + 1).ToListAsync(cancellationToken);

        return TypedResults.Ok(response.Page(found, limit, show, last => new Cursor(LatestFirst, last.Id)));
    }

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
