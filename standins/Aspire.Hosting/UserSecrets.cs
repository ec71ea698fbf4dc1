using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration.UserSecrets;

namespace Aspire.Hosting;

/// <summary>
/// Where generated values are kept between runs: the AppHost project's user secrets, which its configuration reads in Development.
/// A project without a UserSecretsId keeps none.
/// </summary>
/// <param name="file">The secrets' file, or null when nothing is to be kept.</param>
internal sealed class UserSecrets(string? file)
{
    internal static UserSecrets Of(Assembly? appHost) =>
        new(appHost?.GetCustomAttribute<UserSecretsIdAttribute>() is { } id ? PathHelper.GetSecretsPathFromSecretsId(id.UserSecretsId) : null);

    internal void Save(string key, string value)
    {
        if (file is null)
        {
            return;
        }

        var secrets = File.Exists(file) ? JsonNode.Parse(File.ReadAllText(file), documentOptions: new() { CommentHandling = JsonCommentHandling.Skip })!.AsObject() : [];
        secrets[key] = value;

        // Written beside and moved over, so that a reader never sees half a file and nobody else can read it at any moment.
        var written = $"{file}.{Environment.ProcessId}.tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(written, options))
        using (var writer = new Utf8JsonWriter(stream, new() { Indented = true }))
        {
            secrets.WriteTo(writer);
        }

        File.Move(written, file, overwrite: true);
    }
}
