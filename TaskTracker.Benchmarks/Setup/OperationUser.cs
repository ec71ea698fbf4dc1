using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace TaskTracker.Benchmarks.Setup;

/// <summary>
/// Asks an API for operations as a user does. Their end is waited for inside the database, by one statement that looks every half
/// millisecond: asking the API again and again would be a load of its own.
/// </summary>
internal sealed class OperationUser(HttpClient api, NpgsqlDataSource database, LoggedInUser user, CancellationToken cancelled)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(0.5);

    /// <summary>Asks for all tasks in a file, and waits for it.</summary>
    public Task<Operated> ExportAsync(string format = "json") => OperateAsync($"/tasks/export?export_format={format}", null);

    /// <summary>Asks for the same change to many tasks, and waits for it.</summary>
    public Task<Operated> UpdateAsync(IReadOnlyList<long> tasks, object changes) =>
        OperateAsync("/tasks/bulk-update", new { task_ids = tasks, update_data = changes });

    /// <summary>Asks, and does not wait.</summary>
    public async Task<Guid> StartAsync(string target, object? body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, target) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", user.Token);
        using var answer = await api.SendAsync(request, cancelled);
        return answer.StatusCode == HttpStatusCode.Accepted
            ? (await answer.Content.ReadFromJsonAsync<JsonElement>(cancelled)).GetProperty("task_id").GetGuid()
            : throw new BenchmarkException($"POST {target} was answered with {(int)answer.StatusCode}.");
    }

    /// <summary>Fetches what an export has made, to be certain that it is there.</summary>
    public async Task<long> DownloadAsync(Guid export)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/exports/{export}");
        request.Headers.Authorization = new("Bearer", user.Token);
        using var answer = await api.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancelled);
        return answer.StatusCode == HttpStatusCode.OK && answer.Content.Headers.ContentLength is { } length
            ? length
            : throw new BenchmarkException($"GET /exports/{export} was answered with {(int)answer.StatusCode}.");
    }

    /// <summary>Waits until nothing is found any more. Each look is a statement of its own: one that lasts would keep dead rows from being cleared away.</summary>
    /// <param name="database">Where.</param>
    /// <param name="sql">A query whose rows are what is still to be done.</param>
    /// <param name="interval">How often to look.</param>
    /// <param name="cancelled">Ends the wait.</param>
    public static async Task GoneAsync(NpgsqlDataSource database, string sql, TimeSpan interval, CancellationToken cancelled)
    {
        await using var connection = await database.OpenConnectionAsync(cancelled);
        await using var look = new NpgsqlCommand($"select exists ({sql})", connection);
        await look.PrepareAsync(cancelled);
        using var timer = new PeriodicTimer(interval);
        for (var begun = Stopwatch.GetTimestamp(); (bool)(await look.ExecuteScalarAsync(cancelled))!; await timer.WaitForNextTickAsync(cancelled))
        {
            if (Stopwatch.GetElapsedTime(begun) > s_limit)
            {
                throw new BenchmarkException($"After {s_limit.TotalMinutes} minutes there is still something: {sql}.");
            }
        }
    }

    // Waits inside the database, where half a millisecond is half a millisecond.
    private async Task EndAsync(Guid id)
    {
        await using var wait = database.CreateCommand(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            do $body$ begin
                while exists (select from operations where id = '{id}' and status in ('pending', 'running')) loop
                    perform pg_sleep({s_look.TotalSeconds});
                end loop;
            end $body$
            """));
        wait.CommandTimeout = (int)s_limit.TotalSeconds;
        await wait.ExecuteNonQueryAsync(cancelled);
    }

    private async Task<Operated> OperateAsync(string target, object? body)
    {
        var begun = Stopwatch.GetTimestamp();
        var id = await StartAsync(target, body);
        var answered = Stopwatch.GetElapsedTime(begun);
        await EndAsync(id);
        var took = Stopwatch.GetElapsedTime(begun);

        await using var read = database.CreateCommand(
            """
            select status, extract(epoch from started_at - created_at)::float8 * 1000, extract(epoch from finished_at - started_at)::float8 * 1000
            from operations where id = $1
            """);
        read.Parameters.AddWithValue(id);
        await using var row = await read.ExecuteReaderAsync(cancelled);
        await row.ReadAsync(cancelled);
        return row.GetString(0) == "completed"
            ? new(id, took.TotalMilliseconds, answered.TotalMilliseconds, row.GetDouble(1), row.GetDouble(2))
            : throw new BenchmarkException($"An operation came to be {row.GetString(0)}.");
    }
}

/// <summary>An operation that was done.</summary>
/// <param name="Id">Which.</param>
/// <param name="TotalMs">From the request until its end could be seen, in milliseconds.</param>
/// <param name="AnswerMs">From the request until its answer.</param>
/// <param name="StartMs">From the moment before its row was stored until the job began: by the clock of the machine.</param>
/// <param name="WorkMs">From then until the job wrote its end.</param>
internal sealed record Operated(Guid Id, double TotalMs, double AnswerMs, double StartMs, double WorkMs);
