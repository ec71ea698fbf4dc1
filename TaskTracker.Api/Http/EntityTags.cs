using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using TaskTracker.Data.Statistics;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Http;

/// <summary>ETags, and what clients ask by them (RFC 9110, section 13).</summary>
internal static partial class EntityTags
{
    /// <summary>The tag of a task: it changes with every write of the row.</summary>
    public static EntityTagHeaderValue Of(TaskItem task) => new($"\"{task.Id:x}-{task.Version:x}\"");

    /// <summary>The tag of a page: of its tasks, their order, and whether a page follows.</summary>
    public static EntityTagHeaderValue Of(IReadOnlyList<TaskItem> found)
    {
        var rows = new byte[found.Count * 12];
        for (var i = 0; i < found.Count; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(rows.AsSpan(i * 12), found[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(rows.AsSpan((i * 12) + 8), found[i].Version);
        }

        return new($"\"{Convert.ToHexStringLower(SHA256.HashData(rows).AsSpan(0, 16))}\"");
    }

    /// <summary>The tag of statistics: two counts at the same moment came to the same.</summary>
    public static EntityTagHeaderValue Of(TaskStatistics statistics) =>
        new($"\"{statistics.UpdatedAt.UtcTicks:x}-{statistics.TotalTasks:x}-{statistics.CompletedTasks:x}-{statistics.OverdueTasks:x}\"");

    /// <summary>Names the answer's tag, and tells whether the client has that answer already.</summary>
    public static bool IsKnownTo(this EntityTagHeaderValue tag, HttpResponse response)
    {
        response.Headers.ETag = tag.ToString();
        return tag.IsKnownTo(response.HttpContext.Request);
    }

    /// <summary>Whether the client has the answer with this tag already.</summary>
    public static bool IsKnownTo(this EntityTagHeaderValue tag, HttpRequest request)
    {
        var known = request.Headers.IfNoneMatch;
        return known.Count > 0
            // What clients send most, there is nothing to read in.
            && ((known.Count == 1 && known[0] == tag.ToString())
                || Parse(known)?.Any(one => one.Equals(EntityTagHeaderValue.Any) || one.Compare(tag, useStrongComparison: false)) == true);
    }

    /// <summary>Reads <c>If-Match</c>; null where it is absent.</summary>
    /// <exception cref="BadHttpRequestException">It is there and holds no tags.</exception>
    public static IReadOnlyList<EntityTagHeaderValue>? IfMatch(this HttpRequest request)
    {
        var header = request.Headers.IfMatch;
        if (header.Count == 0)
        {
            return null;
        }

        return WellFormed().IsMatch(header.ToString()) && Parse(header) is { } tags ? tags : throw new UnreadableHeaderException("If-Match", "Must be '*', or ETags as reads answer them, in their quotation marks.");
    }

    /// <summary>Whether a write may go on.</summary>
    public static bool Allows(this IReadOnlyList<EntityTagHeaderValue>? wanted, TaskItem task) =>
        wanted is null || wanted.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(Of(task), useStrongComparison: true));

    /// <summary>The answer to a write whose task has changed meanwhile.</summary>
    public static ProblemHttpResult Changed() => TypedResults.Problem(
        "The task has changed since it was read: read it again, and decide again.", statusCode: StatusCodes.Status412PreconditionFailed);

    // A write that goes on by a misread condition cannot be taken back, and the framework reads '"a" "b"' and '*, *' as well.
    [GeneratedRegex("""^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$""", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WellFormed();

    private static List<EntityTagHeaderValue>? Parse(StringValues header) =>
        EntityTagHeaderValue.TryParseList([.. header.Select(text => text ?? "")], out var tags) && tags.Count > 0 ? [.. tags] : null;
}

/// <summary>A header that says nothing that could be followed.</summary>
/// <param name="header">Its name.</param>
/// <param name="expected">What it must be.</param>
internal sealed class UnreadableHeaderException(string header, string expected)
    : BadHttpRequestException($"{header}: {expected}", StatusCodes.Status400BadRequest)
{
    public string Header => header;

    public string Expected => expected;
}
