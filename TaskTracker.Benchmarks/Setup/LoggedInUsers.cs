using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>A user of the seed with a token that is good for a while.</summary>
internal sealed record LoggedInUser(int Id, string Token);

/// <summary>Logs users of the seed in, and again before their tokens end.</summary>
internal sealed class LoggedInUsers(HttpClient api, int firstId, string password)
{
    // Tokens live for 30 minutes, and no scenario takes as long as the rest.
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(10);

    private readonly Dictionary<int, (LoggedInUser User, long At)> _users = [];

    /// <summary>Users by their place in the seed; number 0 is the busy one.</summary>
    public async Task<IReadOnlyList<LoggedInUser>> GetAsync(Range places, CancellationToken cancellationToken)
    {
        List<LoggedInUser> users = [];
        foreach (var place in Enumerable.Range(places.Start.Value, places.End.Value - places.Start.Value))
        {
            if (!_users.TryGetValue(place, out var known) || Stopwatch.GetElapsedTime(known.At) > s_life)
            {
                _users[place] = known = (new(firstId + place, await LogInAsync(SeedData.NameOf(place), cancellationToken)), Stopwatch.GetTimestamp());
            }

            users.Add(known.User);
        }

        return users;
    }

    private async Task<string> LogInAsync(string name, CancellationToken cancellationToken)
    {
        using var form = new FormUrlEncodedContent([new("username", name), new("password", password)]);
        using var answer = await api.PostAsync("/auth/login", form, cancellationToken);
        answer.EnsureSuccessStatusCode();

        return (await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("access_token").GetString()!;
    }
}
