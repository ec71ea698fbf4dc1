using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace TaskTracker.AppHost;

/// <summary>
/// The operations API as commands in the dashboard: what shows answers with a table, what acts asks before it does. The key
/// is this run's own; a deployment has none unless it is given one.
/// </summary>
internal static class OperatorCommands
{
    private const string RunIcon = "Play", PauseIcon = "Pause", ResumeIcon = "PlayCircle", TableIcon = "Table";
    private const int MostRuns = 200;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    // What runs on a schedule can be run at any time; the others need to be told what for.
    private static readonly string[] s_scheduled = ["send_task_reminder", "process_task_statistics", "check_overdue_tasks", "daily_cleanup"];
    private static readonly string[] s_jobs = [.. s_scheduled, "deliver_notifications", "export_user_tasks", "bulk_update_tasks"];

    /// <summary>Gives the services their commands, and the API the key that these use.</summary>
    public static void AddOperatorCommands(
        this IDistributedApplicationBuilder builder, IResourceBuilder<ProjectResource> jobs, IResourceBuilder<ProjectResource> api)
    {
        const string KeySetting = "Operations:Key";
        var key = builder.Configuration[KeySetting] is { } given
            ? builder.AddParameter("operator-key", given, secret: true)
            : builder.AddParameter("operator-key", new GenerateParameterDefault { MinLength = 43, Special = false }, secret: true);
        api.WithEnvironment(KeySetting.Replace(":", "__", StringComparison.Ordinal), key);
        var operations = new Operations(api.GetEndpoint("http"), key.Resource);

        jobs
            .Shows(operations, "workers", "Workers", "nodes", "The replicas that run jobs.", "id", "state", "last_check_in", "running")
            .Shows(operations, "running", "Running", "running", "What runs now, in the whole cluster.", "job", "progress", "running_seconds", "node", "operation_id", "id")
            .Shows(operations, "queue", "Queue", "queue", "What waits, by job.", "job", "waiting", "oldest_seconds", "paused", "pause_reason")
            .Shows(operations, "schedules", "Schedules", "schedules", "What starts by itself, and when next.", "job", "cron", "every_seconds", "time_zone", "next_at", "previous_at", "state")
            .Shows(operations, "failures", "Last failures", "history?result=failed&limit=50", "The runs that failed last.", "job", "started_at", "error", "retry", "will_retry", "operation_id", "id")
            .Shows(operations, "history", "History", "history?limit=100", "The runs that ended last.", "job", "result", "started_at", "duration_ms", "summary", "error")
            .Shows(operations, "statistics", "Statistics", "statistics?hours=24", "Runs of the last 24 hours, by job.", "job", "runs", "succeeded", "failed", "cancelled", "skipped", "p50_ms", "p95_ms", "max_ms");
        foreach (var job in s_scheduled)
        {
            jobs.Acts($"run-{job}", $"Run {job} now", $"Run {job} now, beside its schedule?", RunIcon, context => operations.PostAsync($"jobs/{job}/run", null, context));
        }

        // Not one for each job: the dashboard's menu has no more room. POST /ops/jobs/NAME/pause pauses a single one.
        jobs.Acts("pause", "Pause all jobs", "Pause every job? What runs goes on to its end; nothing begins until the jobs are resumed.", PauseIcon, async context =>
        {
            foreach (var job in s_jobs)
            {
                await operations.PostAsync($"jobs/{job}/pause", new { reason = "paused in the dashboard" }, context);
            }

            return $"{s_jobs.Length} jobs are paused.";
        });
        jobs.Acts("resume", "Resume all jobs", "Resume every job that is paused?", ResumeIcon, async context =>
        {
            foreach (var job in s_jobs)
            {
                await operations.PostAsync($"jobs/{job}/resume", null, context);
            }

            return $"{s_jobs.Length} jobs run as scheduled.";
        });
        jobs.Acts("cancel-running", "Cancel all that runs", "Cancel every run that is under way, of every job?", "Stop",
            context => operations.ForEachAsync("running?limit=200", "cancel", _ => true, context));
        jobs.Acts("retry-failed", "Retry what failed", "Do all operations again whose last run failed?", "ArrowClockwise",
            context => operations.ForEachAsync("history?result=failed&limit=200", "retry", run => run.GetProperty("will_retry").ValueKind is JsonValueKind.False, context));
        api
            .Shows(operations, "cache-status", "Cache status", "/cache/status", "Whether the cache works, found out by using it.", "cache_working", "latency_ms", "counts")
            .Acts("cache-clear", "Clear the cache", "Forget all cached answers, on every replica?", "Broom", context => operations.PostAsync("cache/clear", null, context));
        foreach (var service in (IResourceBuilder<ProjectResource>[])[jobs, api])
        {
            service.Acts("debug-logs", "Debug logs for 15 minutes", "Log everything from Debug on, on every replica, for 15 minutes?", "Bug",
                context => operations.SendAsync(HttpMethod.Put, $"log-levels/{service.Resource.Name}", new { level = "Debug", minutes = 15 }, context));
            service.Acts("normal-logs", "Logs as configured", "Log as configured again?", "TextAlignLeft",
                context => operations.SendAsync(HttpMethod.Delete, $"log-levels/{service.Resource.Name}", null, context));
        }
    }

    private static IResourceBuilder<ProjectResource> Shows(
        this IResourceBuilder<ProjectResource> service, Operations operations, string name, string title, string path, string description, params string[] columns) =>
        service.WithCommand(
            name,
            title,
            Guard(async context => CommandResults.Success(title, Markdown.Table(await operations.GetAsync(path, context), columns), CommandResultFormat.Markdown, displayImmediately: true)),
            new CommandOptions { Description = description, IconName = TableIcon });

    private static void Acts(
        this IResourceBuilder<ProjectResource> service, string name, string title, string question, string icon, Func<ExecuteCommandContext, Task<string>> act) =>
        service.WithCommand(
            name,
            title,
            Guard(async context => CommandResults.Success(await act(context))),
            new CommandOptions { ConfirmationMessage = question, IconName = icon });

    private static Func<ExecuteCommandContext, Task<ExecuteCommandResult>> Guard(Func<ExecuteCommandContext, Task<ExecuteCommandResult>> command) => async context =>
    {
        try
        {
            return await command(context);
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !context.CancellationToken.IsCancellationRequested)
        {
            return CommandResults.Failure($"The API does not answer ({exception.Message}): see whether 'api' is healthy.");
        }
        catch (DistributedApplicationException refusal)
        {
            return CommandResults.Failure(refusal.Message);
        }
    };

    /// <summary>Calls the operations API.</summary>
    private sealed class Operations(EndpointReference api, ParameterResource key)
    {
        public async Task<JsonElement> GetAsync(string path, ExecuteCommandContext context)
        {
            using var answer = await CallAsync(HttpMethod.Get, path, null, context);
            return await answer.Content.ReadFromJsonAsync<JsonElement>(context.CancellationToken);
        }

        public Task<string> PostAsync(string path, object? body, ExecuteCommandContext context) => SendAsync(HttpMethod.Post, path, body, context);

        public async Task<string> SendAsync(HttpMethod method, string path, object? body, ExecuteCommandContext context)
        {
            using var answer = await CallAsync(method, path, body, context);
            var done = await answer.Content.ReadFromJsonAsync<JsonElement>(context.CancellationToken);
            return done.GetProperty("message").GetString()!;
        }

        /// <summary>Does something to each run of a list; what has ended meanwhile refuses and is passed over.</summary>
        public async Task<string> ForEachAsync(string list, string action, Func<JsonElement, bool> isMeant, ExecuteCommandContext context)
        {
            var runs = (await GetAsync(list, context)).GetProperty("items").EnumerateArray().Where(isMeant)
                .DistinctBy(run => run.GetProperty("operation_id").GetString() ?? run.GetProperty("job").GetString())
                .Take(MostRuns).ToList();
            var done = 0;
            foreach (var run in runs)
            {
                try
                {
                    await PostAsync($"runs/{Uri.EscapeDataString(run.GetProperty("id").GetString()!)}/{action}", null, context);
                    done++;
                }
                catch (DistributedApplicationException)
                {
                    // Counted by what is missing from the total.
                }
            }

            return $"Asked to {action} {done} of {runs.Count} runs.";
        }

        private async Task<HttpResponseMessage> CallAsync(HttpMethod method, string path, object? body, ExecuteCommandContext context)
        {
            using var client = context.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
            client.Timeout = s_limit;
            using var request = new HttpRequestMessage(method, new Uri(new Uri(api.Url), path.StartsWith('/') ? path : $"/ops/{path}"));
            request.Headers.Add("X-Operator-Key", await key.GetValueAsync(context.CancellationToken));
            request.Content = body is null ? null : JsonContent.Create(body);
            var answer = await client.SendAsync(request, context.CancellationToken);
            if (answer.IsSuccessStatusCode)
            {
                return answer;
            }

            var problem = await answer.Content.ReadAsStringAsync(context.CancellationToken);
            answer.Dispose();
            throw new DistributedApplicationException(DetailOf(problem) ?? $"The API answered {(int)answer.StatusCode}.");
        }

        private static string? DetailOf(string problem)
        {
            try
            {
                return JsonDocument.Parse(problem).RootElement.TryGetProperty("detail", out var detail) ? detail.GetString() : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }

    /// <summary>Writes what the API answers as a table, a row for each item of a page.</summary>
    internal static class Markdown
    {
        public static string Table(JsonElement answer, IReadOnlyList<string> columns)
        {
            JsonElement[] rows = answer.TryGetProperty("items", out var items) ? [.. items.EnumerateArray()] : [answer];
            if (rows.Length == 0)
            {
                return "Nothing.";
            }

            var table = new StringBuilder();
            Write(table, columns.Select(column => column.Replace('_', ' ')));
            Write(table, columns.Select(_ => "---"));
            foreach (var row in rows)
            {
                Write(table, columns.Select(column => row.TryGetProperty(column, out var value) ? Cell(value) : ""));
            }

            return table.ToString();
        }

        private static void Write(StringBuilder table, IEnumerable<string> cells) => table.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

        private static string Cell(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.Null => "",
            JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(item => item.ValueKind is JsonValueKind.Object && item.TryGetProperty("job", out var job) ? Cell(job) : Cell(item))),
            JsonValueKind.Object => string.Join(", ", value.EnumerateObject().Select(member => $"{member.Name.Replace('_', ' ')} {Cell(member.Value)}")),
            // Text of others must not end the cell, begin another line, or be read as markup.
            _ => value.ToString().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal)
                .Replace("<", "&lt;", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal).ReplaceLineEndings(" "),
        };
    }
}
