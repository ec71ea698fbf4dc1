using System.Text;

namespace TaskTracker.Benchmarks.Load;

/// <summary>Requests that are sent to one server in turn, by so many connections, each as soon as it has its answer.</summary>
/// <param name="Server">The server.</param>
/// <param name="Requests">The requests, word for word.</param>
/// <param name="AnswerLength">The length of every answer's body where it is known, so that other answers are noticed.</param>
internal sealed record HttpLoad(Uri Server, IReadOnlyList<string> Requests, int? AnswerLength = null)
{
    /// <summary>Stands for a number that no request had before.</summary>
    public const string NewNumber = "##########";

    /// <summary>Writes a request.</summary>
    /// <param name="method">The method.</param>
    /// <param name="server">The server.</param>
    /// <param name="target">Path and query.</param>
    /// <param name="token">The token of who asks.</param>
    /// <param name="ifNoneMatch">The tag that the client has.</param>
    /// <param name="json">The body.</param>
    public static string Request(string method, Uri server, string target, string token, string? ifNoneMatch = null, string? json = null)
    {
        List<string> lines = [$"{method} {target} HTTP/1.1", $"Host: {server.Authority}", $"Authorization: Bearer {token}"];
        if (ifNoneMatch is not null)
        {
            lines.Add($"If-None-Match: {ifNoneMatch}");
        }

        if (json is not null)
        {
            lines.AddRange(["Content-Type: application/json", $"Content-Length: {Encoding.UTF8.GetByteCount(json)}"]);
        }

        return string.Join("\r\n", [.. lines, "", json]);
    }
}
