using TaskTracker.Tests.Api;
using TaskTracker.Tests.Operations;

namespace TaskTracker.Tests.Contract;

/// <summary>One thing of a user for each route that names a thing by its id, and a word that stands in all of them.</summary>
internal sealed record Belongings(ApiUser User, string Word, long Task, long Notification, Guid Update, Guid Export)
{
    /// <summary>Makes them. The jobs service must run.</summary>
    public static async Task<Belongings> CreateAsync(ApiFactory api, string database)
    {
        var user = await api.CreateUserAsync();
        var word = $"secret{Guid.NewGuid():N}";
        var task = await user.Client.CreateTaskAsync(word, "2090-01-01T00:00:00Z");
        var notification = await OperationClient.QueryAsync<long>(
            database,
            $"""
            insert into notifications (owner_id, task_id, kind, title, deadline, lead_time, created_at)
            values ({user.Id}, {task}, 'reminder', '{word}', now(), interval '1 day', now()) returning id
            """);
        var update = await user.Client.StartBulkUpdateAsync([task], new { description = word });
        await user.Client.EndOfAsync(update);

        return new(user, word, task, notification, update, Guid.Parse(await user.Client.ExportAsync()));
    }

    /// <summary>The path with this user's id in it.</summary>
    /// <exception cref="InvalidOperationException">A new route: say here what a user has of it.</exception>
    public string Fill(string path) => path.Contains('{', StringComparison.Ordinal)
        ? path switch
        {
            "/tasks/{id}" => $"/tasks/{Task}",
            "/notifications/{id}/read" => $"/notifications/{Notification}/read",
            "/operations/{id}" => $"/operations/{Update}",
            "/tasks/export-status/{id}" => $"/tasks/export-status/{Export}",
            "/exports/{exportKey}" => $"/exports/{Export}",
            _ => throw new InvalidOperationException($"{path} takes an id: say in {nameof(Belongings)} what a user has of it."),
        }
        : path;
}
