using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using TaskTracker.Api.Tasks;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class TaskListTests(ApiFixture api)
{
    [Theory]
    [InlineData("created_at")]
    [InlineData("-created_at")]
    [InlineData("updated_at")]
    [InlineData("-updated_at")]
    [InlineData("deadline")]
    [InlineData("-deadline")]
    [InlineData("title")]
    [InlineData("-title")]
    public async Task Every_order_is_walked_whole_whatever_keys_are_equal(string sort)
    {
        var user = await api.First.CreateUserAsync();
        var random = new Random(1);
        var start = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var tasks = Enumerable.Range(0, 25).Select(_ => new TaskItem
        {
            OwnerId = user.Id,
            Title = ((string[])["a", "b:c", "é 💡", "B"])[random.Next(4)],
            Deadline = random.Next(3) == 0 ? null : start.AddDays(random.Next(3)),
            CreatedAt = start.AddMicroseconds(random.Next(4)),
            UpdatedAt = start.AddMicroseconds(random.Next(4)),
        }).ToList();
        await api.First.WithDatabaseAsync(async db =>
        {
            db.Tasks.AddRange(tasks);
            return await db.SaveChangesAsync();
        });

        var walked = new List<JsonElement>();
        string? cursor = null;
        do
        {
            var page = await user.Client.GetFromJsonAsync<JsonElement>($"/tasks?limit=4&sort={sort}{(cursor is null ? "" : $"&cursor={cursor}")}");
            walked.AddRange(page.GetProperty("items").EnumerateArray());
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);

        var whole = await user.Client.GetFromJsonAsync<JsonElement>($"/tasks?limit=200&sort={sort}");
        var ids = walked.Select(task => task.GetProperty("id").GetInt64()).ToList();
        Assert.Equal(whole.GetProperty("items").EnumerateArray().Select(task => task.GetProperty("id").GetInt64()), ids);
        Assert.Equal(tasks.Select(task => task.Id).Order(), ids.Order());

        if (!sort.EndsWith("title", StringComparison.Ordinal))
        {
            var field = sort.TrimStart('-');
            var keys = walked.Select(task => (task.GetProperty(field).GetString() ?? "9999", task.GetProperty("id").GetInt64())).ToList();
            Assert.Equal(sort[0] == '-' ? keys.OrderDescending() : keys.Order(), keys);
        }
    }

    [Fact]
    public async Task Filters_say_what_is_overdue_and_due_when()
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("past", "2020-01-01T00:00:00Z");
        await user.Client.CreateTaskAsync("2090", "2090-01-01T00:00:00Z");
        await user.Client.CreateTaskAsync("2091", "2091-01-01T00:00:00Z");
        await user.Client.CreateTaskAsync("whenever");

        Assert.Equal(["past"], await user.Client.GetTitlesAsync("/tasks?overdue=true"));
        Assert.Equal(["2090", "2091", "whenever"], await user.Client.GetTitlesAsync("/tasks?overdue=false"));
        Assert.Equal(["past", "2090"], await user.Client.GetTitlesAsync("/tasks?due_before=2091-01-01T00:00:00Z"));
        Assert.Equal(["2091"], await user.Client.GetTitlesAsync("/tasks?due_after=2090-06-01"));
        Assert.Equal(["2090"], await user.Client.GetTitlesAsync("/tasks?due_after=2090-01-01T00:00:00Z&due_before=2091-01-01T00:00:00%2B00:00&overdue=false&completed=false"));
    }

    [Theory]
    [InlineData("milk", "Buy milk")]
    [InlineData("MILK buy", "Buy milk")]
    [InlineData("\"of bread\"", "Bake")]
    [InlineData("bread or milk", "Buy milk", "Bake")]
    [InlineData("bread -loaf")]
    [InlineData("ärger", "Ärger")]
    [InlineData("mil*", "Buy milk")]
    [InlineData("bread lo*", "Bake")]
    [InlineData("mi* bread")]
    [InlineData("ÄR*", "Ärger")]
    [InlineData("o'b*")]
    [InlineData("*")]
    [InlineData("\"of bread\" *", "Bake")]
    [InlineData("%'\"\\:*&|!()<->")]
    [InlineData("%'\"\\:*&|!()<->*")]
    public async Task A_search_finds_words_in_title_and_description(string words, params string[] found)
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("Buy milk");
        using var created = await user.Client.PostAsJsonAsync("/tasks", new { title = "Bake", description = "A loaf of bread." });
        await user.Client.CreateTaskAsync("Ärger");

        Assert.Equal(found, await user.Client.GetTitlesAsync($"/tasks?q={Uri.EscapeDataString(words)}"));
    }

    [Fact]
    public async Task All_tasks_come_as_a_plain_array_up_to_a_limit()
    {
        var user = await api.First.CreateUserAsync();
        await user.Client.CreateTaskAsync("a");
        await user.Client.CreateTaskAsync("b");
        var array = await user.Client.GetFromJsonAsync<JsonElement>("/tasks/get_tasks");
        Assert.Equal(["a", "b"], array.EnumerateArray().Select(task => task.GetProperty("title").GetString()));

        var other = await api.First.CreateUserAsync();
        await FillAsync(api.Database, other.Id, TaskEndpoints.ArrayLimit);
        Assert.Equal(TaskEndpoints.ArrayLimit, (await other.Client.GetFromJsonAsync<JsonElement>("/tasks/get_tasks")).GetArrayLength());
        await other.Client.CreateTaskAsync("one more");
        using var refused = await other.Client.GetAsync("/tasks/get_tasks");
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("GET /tasks", (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private static async Task FillAsync(string database, int owner, int count)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var insert = new NpgsqlCommand(
            """
            insert into tasks (owner_id, title, description, completed, deadline, created_at, updated_at)
            select $1, 'task ' || (i * 7919) % $2, 'word' || i % 1000, i % 4 = 0, case when i % 5 > 0 then now() + (i - $2 / 2) * interval '1 minute' end,
                now() - i * interval '1 second', now() - (i * 7919 % $2) * interval '1 second'
            from generate_series(1, $2) i
            """,
            connection);
        insert.Parameters.Add(new() { Value = owner });
        insert.Parameters.Add(new() { Value = count });
        await insert.ExecuteNonQueryAsync();
    }
}
