using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration.UserSecrets;

namespace Aspire.Hosting;

/// <summary>
/// Where generated values are kept between runs: the AppHost project's user secrets, which its configuration reads in Development.
/// A project without a UserSecretsId keeps none.
/// </summary>
internal sealed class UserSecrets
{
    private readonly string? _file;

    internal UserSecrets(Assembly? appHost)
    {
        if (appHost?.GetCustomAttribute<UserSecretsIdAttribute>() is { } id)
        {
            _file = PathHelper.GetSecretsPathFromSecretsId(id.UserSecretsId);
        }
    }

    internal bool TrySave(string key, string value)
    {
        if (_file is null)
        {
            return false;
        }

        var secrets = File.Exists(_file) ? JsonNode.Parse(File.ReadAllText(_file), documentOptions: new() { CommentHandling = JsonCommentHandling.Skip })!.AsObject() : [];
        secrets[key] = value;

        // Written beside and moved over, so that a reader never sees half a file and nobody else can read it at any moment.
        var written = $"{_file}.{Environment.ProcessId}.tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
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

        File.Move(written, _file, overwrite: true);
        return true;
    }
}
