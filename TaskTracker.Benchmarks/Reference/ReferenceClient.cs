using System.Net.Http.Json;
using TaskTracker.Tests.Chaos;

namespace TaskTracker.Benchmarks.Reference;

/// <summary>Tells the reference what to answer.</summary>
internal sealed class ReferenceClient(Replica server)
{
    // Every server writes these itself.
    private static readonly HashSet<string> s_own = new(["Date", "Server", "Transfer-Encoding", "Content-Length", "Age"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Where it listens.</summary>
    public Uri Address => server.Client.BaseAddress!;

    /// <summary>Has it answer at a place as the API has answered.</summary>
    public async Task LearnAsync(int place, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var headers = answer.Headers.Concat(answer.Content.Headers)
            .Where(header => !s_own.Contains(header.Key))
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value));
        using var learnt = await server.Client.PutAsJsonAsync(
            $"/answers/{place}", new Answer(headers, await answer.Content.ReadAsByteArrayAsync(cancellationToken)), cancellationToken);
        learnt.EnsureSuccessStatusCode();
    }

    /// <summary>How many bytes of telemetry it was sent.</summary>
    public Task<long> ReceivedAsync(CancellationToken cancellationToken) => server.Client.GetFromJsonAsync<long>("/received", cancellationToken);

    /// <summary>What it answers.</summary>
    public Task<byte[]> GetAsync(string target, CancellationToken cancellationToken) => server.Client.GetByteArrayAsync(new Uri(target, UriKind.Relative), cancellationToken);
}
