using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using TaskTracker.AppHost.LocalServices;
using TaskTracker.Tests.Deployment;

namespace TaskTracker.Tests.Deliveries;

/// <summary>A real SMTP server, fetched from npm in the version of the checked-in lock file; it goes with its test.</summary>
internal sealed class MailServer : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);
    private static readonly string s_source = Path.Combine(AppContext.BaseDirectory, "Deliveries", "smtp");

    private readonly Process _process;

    private MailServer(Process process) => _process = process;

    public int Port { get; private set; }

    public ConcurrentQueue<Mail> Mails { get; } = [];

    public static async Task<MailServer> StartAsync(bool tls = false, string? user = null, string? password = null, ServerCertificate? certificate = null)
    {
        var start = new ProcessStartInfo(
            Tool.Find("node") ?? throw new InvalidOperationException("Node.js is not in PATH: install version 20 or later."),
            [Path.Combine(s_source, "server.js"), JsonSerializer.Serialize(new { tls, user, password, certificate = certificate?.File, key = certificate?.Key })])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["NODE_PATH"] = Path.Combine(await InstallAsync(), "node_modules");

        var server = new MailServer(Process.Start(start)!);
        var ready = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        server._process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                ready.TrySetException(new InvalidOperationException("The SMTP server has ended."));
            }
            else if (!ready.Task.IsCompleted)
            {
                ready.SetResult(JsonSerializer.Deserialize<JsonElement>(line.Data).GetProperty("port").GetInt32());
            }
            else
            {
                server.Mails.Enqueue(JsonSerializer.Deserialize<Mail>(line.Data, JsonSerializerOptions.Web)!);
            }
        };
        server._process.BeginOutputReadLine();
        server.Port = await ready.Task.WaitAsync(s_limit);

        return server;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private static Task<string> InstallAsync()
    {
        var lockFile = JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(s_source, "package-lock.json")));
        var version = lockFile.GetProperty("packages").GetProperty("node_modules/smtp-server").GetProperty("version").GetString();
        return ProgramFolder.GetOrFillAsync(
            Path.Combine(LocalFolders.OfUser().Programs, $"smtp-server-{version}"),
            async folder =>
            {
                foreach (var name in (string[])["package.json", "package-lock.json"])
                {
                    File.Copy(Path.Combine(s_source, name), Path.Combine(folder, name));
                }

                var npm = Tool.Find("npm") ?? throw new InvalidOperationException("npm is not in PATH: install Node.js 20 or later.");
                var result = await Tool.RunAsync(
                    npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], s_limit, CancellationToken.None, folder);
                if (result.ExitCode != 0)
                {
                    throw new InvalidOperationException($"'npm ci' of the SMTP server failed: {result.LastWords}");
                }
            },
            CancellationToken.None);
    }
}

/// <summary>A message as the server took it.</summary>
internal sealed partial record Mail(string From, string[] To, string? User, bool Secure, string Text)
{
    /// <summary>The lines of the header, unfolded.</summary>
    public string[] Header => Unfold().Replace(Text[..Text.IndexOf("\r\n\r\n", StringComparison.Ordinal)], " ").Split("\r\n");

    public string Body
    {
        get
        {
            var encoded = Text[(Text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
            return this["Content-Transfer-Encoding"] switch
            {
                "base64" => Encoding.UTF8.GetString(Convert.FromBase64String(encoded)),
                "quoted-printable" => DecodeQuotedPrintable(encoded),
                var encoding => throw new InvalidOperationException($"Not decoded here: {encoding}"),
            };
        }
    }

    /// <summary>The one header of a name, its encoded words decoded.</summary>
    public string this[string name]
    {
        get
        {
            var line = Assert.Single(Header, line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));
            // Blanks between encoded words belong to the encoding.
            var value = BetweenWords().Replace(line[(name.Length + 1)..].Trim(), "?==?");
            return Words().Replace(value, words => Encoding.UTF8.GetString(
                [.. Word().Matches(words.Value).SelectMany(word => word.Groups["form"].Value is "B" or "b"
                    ? Convert.FromBase64String(word.Groups["text"].Value)
                    : Encoding.Latin1.GetBytes(DecodeLatin(word.Groups["text"].Value.Replace('_', ' '))))]));
        }
    }

    private static string DecodeQuotedPrintable(string text) =>
        Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(DecodeLatin(text.Replace("=\r\n", "", StringComparison.Ordinal))));

    private static string DecodeLatin(string text) =>
        Octet().Replace(text, octet => ((char)Convert.ToByte(octet.Groups[1].Value, 16)).ToString());

    [GeneratedRegex("\r\n[ \t]+")]
    private static partial Regex Unfold();

    [GeneratedRegex(@"\?=\s+=\?")]
    private static partial Regex BetweenWords();

    [GeneratedRegex(@"(?:=\?utf-8\?[BQ]\?[^?]*\?=)+", RegexOptions.IgnoreCase)]
    private static partial Regex Words();

    [GeneratedRegex(@"=\?utf-8\?(?<form>[BQ])\?(?<text>[^?]*)\?=", RegexOptions.IgnoreCase)]
    private static partial Regex Word();

    [GeneratedRegex("=([0-9A-F]{2})")]
    private static partial Regex Octet();
}
