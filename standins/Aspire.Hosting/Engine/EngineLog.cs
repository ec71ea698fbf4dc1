using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Engine;

/// <summary>What the engine says to the host's own log.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(LogLevel.Information, "Fetching Aspire's orchestrator and dashboard {Version} from npm, once for this user (120 MB) ...")]
    public static partial void FetchingBundle(this ILogger logger, string version);
}
