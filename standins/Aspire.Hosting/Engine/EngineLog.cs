using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Engine;

/// <summary>What the engine says in the host's log and in the logs of resources.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(LogLevel.Information, "Fetching Aspire's orchestrator and dashboard {Version} from npm, once for this user (120 MB) ...")]
    public static partial void FetchingBundle(this ILogger logger, string version);

    [LoggerMessage(LogLevel.Information, "Now listening on: {Url}")]
    public static partial void DashboardListening(this ILogger logger, string url);

    // 'dotnet watch' opens the browser where this line says.
    [LoggerMessage(LogLevel.Information, "Login to the dashboard at {Url}")]
    public static partial void DashboardLogin(this ILogger logger, string url);

    [LoggerMessage(LogLevel.Information, """
        Aspire Dashboard
          Dashboard:  {Url}
          Login URL:  {LoginUrl}
          OTLP/gRPC:  {OtlpGrpcUrl}
          OTLP/HTTP:  {OtlpHttpUrl}
        """)]
    public static partial void DashboardSummary(this ILogger logger, string url, string loginUrl, string otlpGrpcUrl, string otlpHttpUrl);

    [LoggerMessage("{Message}")]
    public static partial void DashboardComplaint(this ILogger logger, LogLevel level, string message);

    [LoggerMessage(LogLevel.Error, "The resource could not be started: {Reason}")]
    public static partial void StartFailed(this ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "The dashboard's call of {Method} failed.")]
    public static partial void CallFailed(this ILogger logger, Exception exception, string? method);

    [LoggerMessage(LogLevel.Error, "What became of {ResourceId} could not be shown.")]
    public static partial void ChangeFailed(this ILogger logger, Exception exception, string resourceId);
}
