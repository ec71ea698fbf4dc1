using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace TaskTracker.Api.WebPage;

/// <summary>
/// The built page. The build puts its files into this assembly, each also compressed, so that every way to start the
/// service serves the same page and no request pays for compression.
/// </summary>
internal static class WebPageFiles
{
    private const string Folder = "web-page/";

    private static readonly Dictionary<string, string> ContentTypes = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    public static FrozenDictionary<string, WebPageFile> Load()
    {
        var assembly = typeof(WebPageFiles).Assembly;
        var contents = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .ToDictionary(name => name[Folder.Length..], name => Read(assembly, name));

        return contents.Keys
            .Where(name => ContentTypes.ContainsKey(Path.GetExtension(name)))
            .ToFrozenDictionary(
                name => name,
                name => new WebPageFile(ContentTypes[Path.GetExtension(name)], contents[name], contents[name + ".br"], contents[name + ".gz"]));
    }

    private static byte[] Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}

/// <summary>A file of the page, as it is and compressed.</summary>
internal sealed class WebPageFile(string contentType, byte[] plain, byte[] brotli, byte[] gzip)
{
    private readonly string _hash = Convert.ToHexStringLower(SHA256.HashData(plain).AsSpan(0, 8));

    /// <summary>The file in the smallest form that the client reads.</summary>
    public FileContentHttpResult Answer(HttpContext context, string cacheControl)
    {
        var accepted = context.Request.GetTypedHeaders().AcceptEncoding;
        var (encoding, content) = Accepts("br") ? ("br", brotli) : Accepts("gzip") ? ("gzip", gzip) : (null, plain);

        var headers = context.Response.Headers;
        headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
        headers.CacheControl = cacheControl;
        headers.ContentEncoding = encoding;

        return TypedResults.Bytes(content, contentType, entityTag: new EntityTagHeaderValue($"\"{_hash}{encoding}\""));

        bool Accepts(string name) => accepted.Any(value => value.Value.Equals(name, StringComparison.OrdinalIgnoreCase) && value.Quality != 0);
    }
}
