using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace TaskTracker.Tests.Api;

/// <summary>How the page is served; <c>Browser/</c> tests what it does.</summary>
[Collection(ApiTests.Name)]
public sealed partial class WebPageTests(ApiFixture api)
{
    private const string OfBrowsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

    [Fact]
    public async Task A_browser_gets_the_page_and_a_program_the_greeting()
    {
        using var page = await GetAsync("/", OfBrowsers);
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
        Assert.Contains("<div id=\"page\">", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        foreach (var accept in (string?[])[null, "*/*", "application/json", "text/html;q=0, application/json"])
        {
            using var greeting = await GetAsync("/", accept);
            using var json = JsonDocument.Parse(await greeting.Content.ReadAsStringAsync());
            Assert.Equal("/docs", json.RootElement.GetProperty("docs").GetString());
        }
    }

    [Fact]
    public async Task Only_what_the_service_serves_itself_runs_on_the_page()
    {
        using var page = await GetAsync("/", OfBrowsers);

        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", await page.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_first_visit_loads_less_than_150_kB_whatever_compression_the_browser_knows()
    {
        foreach (var encoding in (string[])["gzip, deflate, br, zstd", "gzip"])
        {
            using var page = await GetAsync("/", OfBrowsers, encoding);
            var assets = Assets(Encoding.UTF8.GetString(await DecodeAsync(page)));
            var total = page.Content.Headers.ContentLength!.Value;
            foreach (var asset in assets)
            {
                using var response = await GetAsync(asset, "*/*", encoding);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                Assert.Equal(encoding.Contains("br", StringComparison.Ordinal) ? "br" : "gzip", response.Content.Headers.ContentEncoding.Single());
                Assert.NotEmpty(await DecodeAsync(response));
                total += response.Content.Headers.ContentLength!.Value;
            }

            Assert.True(assets.Count >= 3, "The page names its script, its style and its icon.");
            Assert.True(total < 150_000, $"A first visit loads {total} bytes.");
        }
    }

    [Fact]
    public async Task What_the_page_consists_of_is_kept_for_good_and_the_page_itself_asked_for_each_time()
    {
        using var page = await GetAsync("/", OfBrowsers);
        Assert.Equal("no-cache", page.Headers.CacheControl?.ToString());
        Assert.Equal(["Accept", "Accept-Encoding"], page.Headers.Vary);

        using var client = api.First.CreateClient();
        using var again = new HttpRequestMessage(HttpMethod.Get, "/");
        again.Headers.TryAddWithoutValidation("Accept", OfBrowsers);
        again.Headers.IfNoneMatch.Add(page.Headers.ETag!);
        using var known = await client.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);

        foreach (var asset in Assets(await page.Content.ReadAsStringAsync()))
        {
            using var response = await GetAsync(asset, "*/*");
            Assert.Equal("public, max-age=31536000, immutable", response.Headers.CacheControl?.ToString());
        }
    }

    [Theory]
    [InlineData("/assets/nothing.js")]
    [InlineData("/assets/..%2findex.html")]
    [InlineData("/assets/index.html")]
    public async Task What_is_no_part_of_the_page_is_not_found(string url)
    {
        using var response = await GetAsync(url, "*/*");

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    private async Task<HttpResponseMessage> GetAsync(string url, string? accept, string? encoding = null)
    {
        using var client = api.First.CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        if (encoding is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept-Encoding", encoding);
        }

        return await client.SendAsync(request);
    }

    private static async Task<byte[]> DecodeAsync(HttpResponseMessage response)
    {
        await using var content = await response.Content.ReadAsStreamAsync();
        await using Stream plain = response.Content.Headers.ContentEncoding.Single() == "br"
            ? new BrotliStream(content, CompressionMode.Decompress)
            : new GZipStream(content, CompressionMode.Decompress);
        using var decoded = new MemoryStream();
        await plain.CopyToAsync(decoded);
        return decoded.ToArray();
    }

    private static List<string> Assets(string html) => [.. AssetUrl().Matches(html).Select(match => match.Value)];

    [GeneratedRegex("/assets/[^\"]+")]
    private static partial Regex AssetUrl();
}
