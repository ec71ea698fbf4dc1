namespace Aspire.Hosting.ApplicationModel;

/// <summary>The request of an HTTP command, and what becomes of the response.</summary>
public class HttpCommandOptions : CommandOptions
{
    public string? HttpClientName { get; set; }
    public HttpMethod? Method { get; set; }
    public Func<HttpCommandRequestContext, Task>? PrepareRequest { get; set; }
    public Func<HttpCommandResultContext, Task<ExecuteCommandResult>>? GetCommandResult { get; set; }
    public HttpCommandResultMode ResultMode { get; set; }
}

/// <summary>Whether the response is shown, and as what.</summary>
public enum HttpCommandResultMode
{
    None,
    Auto,
    Json,
    Text,
}

/// <summary>The request before it is sent.</summary>
public sealed class HttpCommandRequestContext
{
    public required IServiceProvider Services { get; init; }
    public required string ResourceName { get; init; }
    public required EndpointReference Endpoint { get; init; }
    public required CancellationToken CancellationToken { get; init; }
    public required HttpClient HttpClient { get; init; }
    public required HttpRequestMessage Request { get; init; }
}

/// <summary>The response before it becomes the command's result.</summary>
public sealed class HttpCommandResultContext
{
    public required IServiceProvider Services { get; init; }
    public required string ResourceName { get; init; }
    public required EndpointReference Endpoint { get; init; }
    public required CancellationToken CancellationToken { get; init; }
    public required HttpClient HttpClient { get; init; }
    public required HttpResponseMessage Response { get; init; }
}
