using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Aspire.Hosting.Engine;

/// <summary>
/// Starts Aspire's orchestrator (DCP) and talks to its Kubernetes-like API. DCP runs apart from the host's terminal and
/// watches the host: when the host dies in whatever way, DCP ends every process it started and then itself.
/// </summary>
internal sealed class DcpClient : IAsyncDisposable
{
    private const string ObjectsPath = $"/apis/{DcpJson.ApiVersion}/";
    private const string ExecutionPath = "/admin/execution";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(30);

    // A watch can go silent without breaking; opened anew it begins with everything that exists.
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    // DCP's processes inherit its environment, and these say how the host itself is to run.
    private static readonly string[] HostOnlyVariables =
        ["ASPNETCORE_URLS", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE"];

    private readonly DcpSession _session;
    private readonly Process _launcher;
    private readonly HttpClient _http;

    // The launcher has ended by now, but its pipes stay open: the detached DCP may still write to them.
    private DcpClient(DcpSession session, Process launcher, HttpClient http)
    {
        _session = session;
        _launcher = launcher;
        _http = http;
    }

    /// <summary>Starts DCP and returns when its API answers.</summary>
    /// <exception cref="DistributedApplicationException">It did not come up; the message holds what it printed.</exception>
    public static async Task<DcpClient> StartAsync(string dcpPath, CancellationToken cancellationToken)
    {
        DcpSession.RemoveDead();
        var session = DcpSession.Create();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        Process? launcher = null;
        HttpClient? http = null;
        var printed = new StringBuilder();
        try
        {
            launcher = Launch(dcpPath, session, printed);
            http = Connect(await ReadConnectionAsync(session, launcher, printed, limit.Token));
            var client = new DcpClient(session, launcher, http);
            await client.WaitUntilAnsweringAsync(limit.Token);
            return client;
        }
        catch (Exception e)
        {
            http?.Dispose();
            launcher?.Dispose();
            session.Dispose();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw Failed($"its API did not answer within {StartLimit.TotalSeconds:0} seconds", printed);
            }

            throw;
        }
    }

    public Task<DcpObject<TSpec, TStatus>> CreateAsync<TSpec, TStatus>(DcpObject<TSpec, TStatus> item, CancellationToken cancellationToken)
        where TSpec : IDcpKind =>
        SendAsync<DcpObject<TSpec, TStatus>>(HttpMethod.Post, PathOf<TSpec>(), JsonContent.Create(item, options: DcpJson.Options), cancellationToken)!;

    /// <returns>The object, or null when there is none of this name.</returns>
    public Task<DcpObject<TSpec, TStatus>?> GetAsync<TSpec, TStatus>(string name, CancellationToken cancellationToken)
        where TSpec : IDcpKind =>
        SendAsync<DcpObject<TSpec, TStatus>>(HttpMethod.Get, PathOf<TSpec>(name), content: null, cancellationToken);

    /// <summary>Asks DCP to end the process; it is over when the state is final.</summary>
    public Task RequestStopAsync(string executable, CancellationToken cancellationToken) =>
        SendAsync<JsonNode>(HttpMethod.Patch, PathOf<ExecutableSpec>(executable), MergePatch("""{"spec":{"stop":true}}"""), cancellationToken);

    /// <summary>Deletes an object and returns when its name is free again; one that is gone already is no error.</summary>
    public async Task DeleteAsync<TSpec>(string name, CancellationToken cancellationToken)
        where TSpec : IDcpKind
    {
        await SendAsync<JsonNode>(HttpMethod.Delete, PathOf<TSpec>(name), content: null, cancellationToken);
        while (await SendAsync<JsonNode>(HttpMethod.Get, PathOf<TSpec>(name), content: null, cancellationToken) is not null)
        {
            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>Everything that exists, then every change, until cancelled: a stream that breaks is opened again.</summary>
    public async IAsyncEnumerable<DcpChange<TSpec, TStatus>> WatchAsync<TSpec, TStatus>([EnumeratorCancellation] CancellationToken cancellationToken)
        where TSpec : IDcpKind
    {
        while (true)
        {
            await foreach (var line in ReadLinesAsync(PathOf<TSpec>() + "?watch=true", WatchPeriod, cancellationToken))
            {
                if (line.Length > 0 && JsonSerializer.Deserialize<DcpChange<TSpec, TStatus>>(line, DcpJson.Options) is { } change)
                {
                    yield return change;
                }
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>
    /// The lines of one source (<c>stdout</c>, <c>stderr</c> or <c>system</c>), each led by an RFC 3339 time.
    /// Following ends some time after the process did.
    /// </summary>
    public IAsyncEnumerable<string> ReadLogAsync(string executable, string source, bool follow, CancellationToken cancellationToken) =>
        ReadLinesAsync($"{PathOf<ExecutableSpec>(executable)}/log?source={source}&follow={(follow ? "true" : "false")}&timestamps=true", Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Ends everything DCP runs, then DCP. Does its best within <paramref name="limit"/> and never throws.</summary>
    public async Task StopAsync(TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit);
        try
        {
            var cleaning = MergePatch("""{"status":"CleaningResources","shutdownResourceCleanup":"Full"}""");
            var state = await SendAsync<JsonNode>(HttpMethod.Patch, ExecutionPath, cleaning, deadline.Token);
            while ((string?)state?["status"] is not "CleanupComplete")
            {
                await Task.Delay(Poll, deadline.Token);
                state = await SendAsync<JsonNode>(HttpMethod.Get, ExecutionPath, content: null, deadline.Token);
            }

            await SendAsync<JsonNode>(HttpMethod.Patch, ExecutionPath, MergePatch("""{"status":"Stopping"}"""), deadline.Token);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or DistributedApplicationException)
        {
            // DCP is gone or stuck. It watches the host and ends what is left when the host does.
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        _launcher.Dispose();
        _session.Dispose();
        return ValueTask.CompletedTask;
    }

    private static Process Launch(string dcpPath, DcpSession session, StringBuilder printed)
    {
        // Detached, or Ctrl+C in the terminal would end DCP and everything under it at once and out of order.
        var start = new ProcessStartInfo(
            dcpPath,
            ["start-apiserver", "--monitor", $"{Environment.ProcessId}", "--detach", "--kubeconfig", session.ConnectionFile])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DCP_SESSION_FOLDER"] = session.Folder;
        foreach (var name in HostOnlyVariables)
        {
            start.Environment.Remove(name);
        }

        try
        {
            var process = Process.Start(start)!;
            process.OutputDataReceived += Keep;
            process.ErrorDataReceived += Keep;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return process;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new DistributedApplicationException($"Aspire's orchestrator could not be started: {e.Message.TrimEnd('.')}.", e);
        }

        void Keep(object _, DataReceivedEventArgs line)
        {
            lock (printed)
            {
                printed.AppendLine(line.Data);
            }
        }
    }

    private static async Task<DcpConnection> ReadConnectionAsync(DcpSession session, Process process, StringBuilder printed, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (DcpConnection.Parse(session.ReadConnectionFile()) is { } connection)
            {
                return connection;
            }

            if (process.HasExited && process.ExitCode != 0)
            {
                throw Failed($"it ended with exit code {process.ExitCode}", printed);
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    private static HttpClient Connect(DcpConnection connection)
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
        {
            if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
            {
                return false;
            }

            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(connection.Authority);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            using var presented = new X509Certificate2(certificate);
            return chain.Build(presented);
        };
        var http = new HttpClient(handler) { BaseAddress = connection.Server, Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", connection.Token);
        return http;
    }

    private async Task WaitUntilAnsweringAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var response = await _http.GetAsync(PathOf<ExecutableSpec>(), cancellationToken);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    private async Task<T?> SendAsync<T>(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken)
        where T : class
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(RequestLimit);
        using var request = new HttpRequestMessage(method, path) { Content = content };
        try
        {
            using var response = await _http.SendAsync(request, limit.Token);
            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            var body = await response.Content.ReadAsStringAsync(limit.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw new DistributedApplicationException($"Aspire's orchestrator refused {method} {path} with {(int)response.StatusCode}: {ErrorText(body)}");
            }

            return body.Length == 0 ? null : JsonSerializer.Deserialize<T>(body, DcpJson.Options);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new DistributedApplicationException($"Aspire's orchestrator did not answer {method} {path} within {RequestLimit.TotalSeconds:0} seconds.");
        }
        catch (HttpRequestException e)
        {
            throw new DistributedApplicationException($"Aspire's orchestrator is not reachable any more ({e.Message.TrimEnd('.')}): start the AppHost again.", e);
        }
    }

    /// <summary>Yields lines until the stream ends, breaks or has been open for the period: the callers know how to go on.</summary>
    private async IAsyncEnumerable<string> ReadLinesAsync(string path, TimeSpan period, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(period);
        if (await OrNullAsync(async () => await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, limit.Token)) is not { } response)
        {
            yield break;
        }

        using (response)
        {
            if (!response.IsSuccessStatusCode)
            {
                yield break;
            }

            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
            while (await OrNullAsync(() => reader.ReadLineAsync(limit.Token).AsTask()) is { } line)
            {
                yield return line;
            }
        }

        async Task<T?> OrNullAsync<T>(Func<Task<T?>> read)
            where T : class
        {
            try
            {
                return await read();
            }
            catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return null;
            }
        }
    }

    private static string PathOf<TSpec>(string? name = null)
        where TSpec : IDcpKind =>
        ObjectsPath + TSpec.Plural + (name is null ? "" : "/" + name);

    private static StringContent MergePatch(string json)
    {
        // The administrative path answers 415 when the type carries a charset.
        var content = new StringContent(json);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        return content;
    }

    private static string ErrorText(string body)
    {
        try
        {
            return (string?)JsonNode.Parse(body)?["message"] ?? body;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return body;
        }
    }

    private static DistributedApplicationException Failed(string what, StringBuilder printed)
    {
        lock (printed)
        {
            var output = printed.ToString().Trim();
            return new DistributedApplicationException(
                $"Aspire's orchestrator did not start: {what}. {(output.Length > 0 ? "It printed: " + output : "It printed nothing; check that the home and temporary folders are writable.")}");
        }
    }
}
