using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Tests.Api;

/// <summary>The refresh token of a browser, in a cookie that no script reads.</summary>
[Collection(ApiTests.Name)]
public sealed class RefreshCookieTests(ApiFixture api)
{
    [Fact]
    public async Task Whoever_asks_for_it_gets_the_refresh_token_in_a_cookie_and_nowhere_else()
    {
        var user = await api.First.CreateUserAsync();

        using var answer = await SendAsync("/auth/login", user);

        var cookie = CookieOf(answer);
        var tokens = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(JsonValueKind.Null, tokens.GetProperty("refresh_token").ValueKind);
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteMode.Strict, cookie.SameSite);
        Assert.Equal("/auth", cookie.Path.Value);
        Assert.Equal(TimeSpan.FromDays(14), cookie.MaxAge);
        Assert.DoesNotContain(cookie.Value.Value!, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_https_the_cookie_never_travels_without()
    {
        var user = await api.First.CreateUserAsync();
        using var client = api.First.CreateClient(new WebApplicationFactoryClientOptions { BaseAddress = new Uri("https://localhost") });

        using var answer = await SendAsync("/auth/login", user, client: client);

        Assert.True(CookieOf(answer).Secure);
    }

    [Fact]
    public async Task The_cookie_is_good_once_for_a_new_one_and_its_second_use_ends_the_session()
    {
        var user = await api.First.CreateUserAsync();
        using var login = await SendAsync("/auth/login", user);
        var first = CookieOf(login);

        using var refreshed = await SendAsync("/auth/refresh", cookie: first);
        var second = CookieOf(refreshed);
        using var replayed = await SendAsync("/auth/refresh", cookie: first);
        using var revoked = await SendAsync("/auth/refresh", cookie: second);

        Assert.Equal(HttpStatusCode.OK, refreshed.StatusCode);
        Assert.NotEqual(first.Value, second.Value);
        Assert.Equal([HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized], [replayed.StatusCode, revoked.StatusCode]);
        Assert.Equal(TimeSpan.Zero, CookieOf(revoked).MaxAge);
    }

    [Fact]
    public async Task Without_the_header_that_other_sites_cannot_send_the_cookie_is_worth_nothing()
    {
        var user = await api.First.CreateUserAsync();
        using var login = await SendAsync("/auth/login", user);
        var cookie = CookieOf(login);

        using var refused = await SendAsync("/auth/refresh", cookie: cookie, header: null);
        using var plain = await SendAsync("/auth/login", user, header: null);
        using var stillGood = await SendAsync("/auth/refresh", cookie: cookie);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.False(plain.Headers.Contains("Set-Cookie"));
        Assert.Equal(HttpStatusCode.OK, stillGood.StatusCode);
    }

    [Fact]
    public async Task Logging_out_takes_the_cookie_back_and_ends_the_session()
    {
        var user = await api.First.CreateUserAsync();
        using var login = await SendAsync("/auth/login", user);
        var cookie = CookieOf(login);
        var token = (await login.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString();

        using var logout = await SendAsync("/auth/logout", cookie: cookie, token: token);
        using var refused = await SendAsync("/auth/refresh", cookie: cookie);

        Assert.Equal(HttpStatusCode.NoContent, logout.StatusCode);
        Assert.Equal(TimeSpan.Zero, CookieOf(logout).MaxAge);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [Fact]
    public async Task A_browser_without_the_cookie_is_asked_to_log_in()
    {
        using var refused = await SendAsync("/auth/refresh");

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    private async Task<HttpResponseMessage> SendAsync(
        string url, ApiUser? user = null, SetCookieHeaderValue? cookie = null, string? header = "cookie", string? token = null, HttpClient? client = null)
    {
        client ??= api.First.CreateClient(new WebApplicationFactoryClientOptions { HandleCookies = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, url);
        if (user is not null)
        {
            request.Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["username"] = user.Name, ["password"] = ApiFactory.Password });
        }

        if (header is not null)
        {
            request.Headers.Add("Refresh-Token", header);
        }

        if (cookie is not null)
        {
            request.Headers.Add("Cookie", $"{cookie.Name}={cookie.Value}");
        }

        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        return await client.SendAsync(request);
    }

    private static SetCookieHeaderValue CookieOf(HttpResponseMessage response) =>
        SetCookieHeaderValue.Parse(response.Headers.GetValues("Set-Cookie").Single());
}
