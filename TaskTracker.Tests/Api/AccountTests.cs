using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TaskTracker.Api.Accounts;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class AccountTests(ApiFixture api)
{
    [Fact]
    public async Task Registering_answers_the_account_and_nothing_of_its_password()
    {
        using var client = api.First.CreateClient();
        var name = $"user-{Guid.NewGuid():N}";

        using var response = await client.PostAsJsonAsync("/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password });

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var account = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(["id", "username", "email", "is_active"], account.EnumerateObject().Select(member => member.Name));
        Assert.Equal(name, account.GetProperty("username").GetString());
        Assert.True(account.GetProperty("is_active").GetBoolean());
    }

    [Fact]
    public async Task A_taken_name_and_a_taken_address_are_refused_with_one_text()
    {
        var user = await api.First.CreateUserAsync();
        var other = $"user-{Guid.NewGuid():N}";

        using var sameName = await user.Client.PostAsJsonAsync(
            "/auth/register", new { username = user.Name.ToUpperInvariant(), email = $"{other}@example.com", password = ApiFactory.Password });
        using var sameAddress = await user.Client.PostAsJsonAsync(
            "/auth/register", new { username = other, email = $" {user.Name}@EXAMPLE.com", password = ApiFactory.Password });

        Assert.Equal(HttpStatusCode.BadRequest, sameName.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, sameAddress.StatusCode);
        Assert.Equal(await DetailAsync(sameName), await DetailAsync(sameAddress));
    }

    [Fact]
    public async Task Equal_registrations_at_the_same_moment_make_one_account()
    {
        using var client = api.First.CreateClient();
        var name = $"user-{Guid.NewGuid():N}";

        var responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.PostAsJsonAsync(
            "/auth/register", new { username = name, email = $"{name}@example.com", password = ApiFactory.Password })));

        Assert.Single(responses, response => response.StatusCode == HttpStatusCode.OK);
        Assert.Equal(7, responses.Count(response => response.StatusCode == HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_user_logs_in_by_name_or_by_address()
    {
        var user = await api.First.CreateUserAsync();

        using var byName = await user.Client.LogInAsync(user.Name.ToUpperInvariant());
        using var byAddress = await user.Client.LogInAsync($"{user.Name}@Example.com");

        Assert.Equal(HttpStatusCode.OK, byName.StatusCode);
        Assert.Equal(HttpStatusCode.OK, byAddress.StatusCode);
        var tokens = await byName.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("bearer", tokens.GetProperty("token_type").GetString());
        Assert.Equal(1800, tokens.GetProperty("expires_in").GetInt32());
    }

    [Fact]
    public async Task An_unknown_user_a_wrong_password_a_locked_and_a_closed_account_get_the_same_answer()
    {
        var user = await api.First.CreateUserAsync();
        var locked = await api.First.CreateUserAsync();
        var closed = await api.First.CreateUserAsync();
        await api.First.WithDatabaseAsync(db => db.Users.Where(u => u.Id == closed.Id).ExecuteUpdateAsync(set => set.SetProperty(u => u.IsActive, false)));
        await api.First.WithDatabaseAsync(db => db.Users.Where(u => u.Id == locked.Id).ExecuteUpdateAsync(
            set => set.SetProperty(u => u.LockoutEnd, DateTimeOffset.UtcNow.AddMinutes(5))));

        var responses = new[]
        {
            await user.Client.LogInAsync($"nobody-{Guid.NewGuid():N}"),
            await user.Client.LogInAsync(user.Name, "wrong"),
            await user.Client.LogInAsync(locked.Name),
            await user.Client.LogInAsync(closed.Name),
        };

        Assert.All(responses, response => Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode));
        Assert.All(responses, response => Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString()));
        Assert.Single((await Task.WhenAll(responses.Select(DetailAsync))).Distinct());
    }

    [Fact]
    public async Task Every_login_that_fails_costs_one_password_check_and_the_same_statements()
    {
        var hasher = new CountingHasher();
        var commands = new SentCommands();
        await using var factory = new ApiFactory(api.Database, api.Redis, services: services =>
        {
            services.AddSingleton<IPasswordHasher<User>>(hasher);
            services.ConfigureDbContext<TaskTrackerDbContext>(options => options.AddInterceptors(commands));
        });
        var (known, locked, closed) = (await api.First.CreateUserAsync(), await api.First.CreateUserAsync(), await api.First.CreateUserAsync());
        await api.First.WithDatabaseAsync(db => db.Users.Where(u => u.Id == closed.Id).ExecuteUpdateAsync(set => set.SetProperty(u => u.IsActive, false)));
        await api.First.WithDatabaseAsync(db => db.Users.Where(u => u.Id == locked.Id).ExecuteUpdateAsync(
            set => set.SetProperty(u => u.LockoutEnd, DateTimeOffset.UtcNow.AddMinutes(5))));
        using var client = factory.CreateClient();

        // The first one also waits for what a start brings.
        (await client.LogInAsync("somebody")).Dispose();
        var costs = new List<(int Checks, string Statements)>();
        foreach (var (name, password) in ((string, string)[])
        [
            ("nobody", "wrong"), ("nobody@example.com", "wrong"), (known.Name, "wrong"), ($"{known.Name}@example.com", "wrong"),
            (locked.Name, ApiFactory.Password), (locked.Name, "wrong"), (closed.Name, ApiFactory.Password), (closed.Name, "wrong"),
        ])
        {
            (hasher.Checks, var before) = (0, commands.Count);
            using var response = await client.LogInAsync(name, password);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            costs.Add((hasher.Checks, string.Join('\n', commands.Since(before))));
        }

        Assert.All(costs, cost => Assert.Equal(1, cost.Checks));
        Assert.Single(costs.Select(cost => cost.Statements).Distinct());
    }

    [Fact]
    public async Task Ten_wrong_passwords_at_the_same_moment_lock_the_account()
    {
        var user = await api.First.CreateUserAsync();

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => user.Client.LogInAsync(user.Name, "wrong")));

        using var right = await user.Client.LogInAsync(user.Name);
        Assert.Equal(HttpStatusCode.Unauthorized, right.StatusCode);
    }

    [Fact]
    public async Task A_refresh_token_is_good_once_and_its_second_use_ends_the_session()
    {
        var user = await api.First.CreateUserAsync();

        using var first = await user.Client.RefreshAsync(user.RefreshToken);
        var next = (await first.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("refresh_token").GetString()!;
        using var second = await user.Client.RefreshAsync(user.RefreshToken);
        using var child = await user.Client.RefreshAsync(next);

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, second.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, child.StatusCode);
    }

    [Fact]
    public async Task Of_many_refreshes_with_one_token_at_the_same_moment_one_succeeds_and_nothing_of_the_session_is_left()
    {
        var user = await api.First.CreateUserAsync();
        using var other = api.Second.CreateClient();

        var responses = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? user.Client : other).RefreshAsync(user.RefreshToken)));

        Assert.Single(responses, response => response.StatusCode == HttpStatusCode.OK);
        Assert.Equal(0, await api.First.WithDatabaseAsync(db => db.RefreshTokens.CountAsync(token => token.UserId == user.Id && token.RevokedAt == null)));
    }

    [Fact]
    public async Task Logging_out_ends_the_session_and_no_other()
    {
        var user = await api.First.CreateUserAsync();
        using var elsewhere = await user.Client.LogInAsync(user.Name);
        var other = (await elsewhere.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("refresh_token").GetString()!;

        using var loggedOut = await user.Client.PostAsync("/auth/logout", null);
        using var refreshed = await user.Client.RefreshAsync(user.RefreshToken);
        using var stillThere = await user.Client.RefreshAsync(other);

        Assert.Equal(HttpStatusCode.NoContent, loggedOut.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, refreshed.StatusCode);
        Assert.Equal(HttpStatusCode.OK, stillThere.StatusCode);
    }

    [Fact]
    public async Task Every_replica_accepts_the_tokens_of_the_others()
    {
        var user = await api.First.CreateUserAsync();
        using var client = api.Second.CreateClient(user);

        Assert.Equal(user.Name, (await client.GetFromJsonAsync<JsonElement>("/auth/me")).GetProperty("username").GetString());
        using var refreshed = await client.RefreshAsync(user.RefreshToken);
        Assert.Equal(HttpStatusCode.OK, refreshed.StatusCode);
    }

    [Fact]
    public async Task Replicas_that_start_at_the_same_moment_on_an_empty_database_share_one_key()
    {
        var database = await ApiFactory.CreateDatabaseAsync();
        await using var db = new Npgsql.NpgsqlConnection(database);
        await db.OpenAsync();
        await new Npgsql.NpgsqlCommand("delete from data_protection_keys", db).ExecuteNonQueryAsync();
        var replicas = Enumerable.Range(0, 3).Select(_ => new ApiFactory(database, api.Redis)).ToList();

        var users = await Task.WhenAll(replicas.Select(replica => Task.Run(replica.CreateUserAsync)));

        foreach (var (replica, user) in replicas.SelectMany(replica => users.Select(user => (replica, user))))
        {
            using var client = replica.CreateClient(user);
            using var response = await client.GetAsync("/auth/me");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(1L, await new Npgsql.NpgsqlCommand("select count(*) from data_protection_keys", db).ExecuteScalarAsync());
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer forged")]
    [InlineData("Basic dXNlcjpwYXNzd29yZA==")]
    public async Task Without_a_valid_token_the_answer_is_a_challenge_and_a_problem(string? authorization)
    {
        using var client = api.First.CreateClient();
        client.DefaultRequestHeaders.Authorization = authorization is null ? null : AuthenticationHeaderValue.Parse(authorization);

        using var response = await client.GetAsync("/tasks");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty(await DetailAsync(response));
    }

    [Fact]
    public async Task An_access_token_ends_after_half_an_hour()
    {
        var user = await api.First.CreateUserAsync();
        var options = api.First.Services.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>();
        var row = new User { Id = user.Id, UserName = user.Name };
        var expired = new AccessTokens(options, new FixedClock(DateTimeOffset.UtcNow.AddMinutes(-31))).Create(row, Guid.NewGuid());
        var valid = new AccessTokens(options, new FixedClock(DateTimeOffset.UtcNow.AddMinutes(-29))).Create(row, Guid.NewGuid());

        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(expired));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(valid));

        async Task<HttpStatusCode> AskAsync(string token)
        {
            using var client = api.First.CreateClient(user with { AccessToken = token });
            using var response = await client.GetAsync("/auth/me");
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task In_Production_the_keys_are_encrypted_by_the_configured_one_and_survive_a_restart()
    {
        var database = await ApiFactory.CreateDatabaseAsync();
        await using var db = new Npgsql.NpgsqlConnection(database);
        await db.OpenAsync();
        await new Npgsql.NpgsqlCommand("delete from data_protection_keys", db).ExecuteNonQueryAsync();
        var settings = new Dictionary<string, string> { ["DataProtection:Key"] = Convert.ToBase64String(Guid.NewGuid().ToByteArray().Concat(Guid.NewGuid().ToByteArray()).ToArray()) };

        ApiUser user;
        await using (var before = new ApiFactory(database, api.Redis, "Production", settings))
        {
            user = await before.CreateUserAsync();
        }

        await using var after = new ApiFactory(database, api.Redis, "Production", settings);
        using var client = after.CreateClient(user);
        using var response = await client.GetAsync("/auth/me");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var xml = (string)(await new Npgsql.NpgsqlCommand("select xml from data_protection_keys", db).ExecuteScalarAsync())!;
        Assert.Contains("aesGcm", xml, StringComparison.Ordinal);
        Assert.DoesNotContain("masterKey", xml, StringComparison.Ordinal);
    }

    private static async Task<string> DetailAsync(HttpResponseMessage response) =>
        (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString()!;

    private sealed class CountingHasher : PasswordHasher<User>
    {
        public int Checks { get; set; }

        public override PasswordVerificationResult VerifyHashedPassword(User user, string hashedPassword, string providedPassword)
        {
            Checks++;
            return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
        }
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
