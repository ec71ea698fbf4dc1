using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Aspire.Hosting.Engine;

/// <summary>A kind of object of the orchestrator's API. Only the fields in use are named.</summary>
internal interface IDcpKind
{
    static abstract string Kind { get; }

    static abstract string Plural { get; }
}

internal sealed record DcpObject<TSpec, TStatus>
    where TSpec : IDcpKind
{
    public string ApiVersion { get; init; } = DcpJson.ApiVersion;

    public string Kind { get; init; } = TSpec.Kind;

    public required DcpMetadata Metadata { get; init; }

    public required TSpec Spec { get; init; }

    public TStatus? Status { get; init; }
}

internal sealed record DcpMetadata
{
    public required string Name { get; init; }

    public string? Uid { get; init; }

    public DateTime? CreationTimestamp { get; init; }

    public IDictionary<string, string>? Annotations { get; init; }
}

/// <summary>An address that stays while the processes behind it come and go; DCP balances connections over them.</summary>
internal sealed record ServiceSpec : IDcpKind
{
    public static string Kind => "Service";

    public static string Plural => "services";

    public string Protocol { get; init; } = "TCP";

    /// <summary>Absent: DCP picks a free one.</summary>
    public int? Port { get; init; }

    public string? Address { get; init; }

    public required string AddressAllocationMode { get; init; }
}

internal sealed record ServiceStatus
{
    public string? EffectiveAddress { get; init; }

    public int? EffectivePort { get; init; }
}

internal sealed record ExecutableSpec : IDcpKind
{
    public static string Kind => "Executable";

    public static string Plural => "executables";

    public required string ExecutablePath { get; init; }

    public string? WorkingDirectory { get; init; }

    public IReadOnlyList<string> Args { get; init; } = [];

    public IReadOnlyList<DcpVariable> Env { get; init; } = [];

    public string ExecutionType { get; init; } = "Process";

    public bool? Stop { get; init; }
}

internal sealed record DcpVariable(string Name, string? Value);

internal sealed record ExecutableStatus
{
    public string? State { get; init; }

    [JsonPropertyName("pid")]
    public long? ProcessId { get; init; }

    public int? ExitCode { get; init; }

    public DateTime? StartupTimestamp { get; init; }

    public DateTime? FinishTimestamp { get; init; }

    public IReadOnlyList<DcpVariable>? EffectiveEnv { get; init; }

    public IReadOnlyList<string>? EffectiveArgs { get; init; }

    /// <summary>Whether the process is over. One that had to be killed is left in the state 'Unknown' with an exit code.</summary>
    [JsonIgnore]
    public bool HasEnded => State is ExecutableStates.Finished or ExecutableStates.Terminated or ExecutableStates.FailedToStart
        || (State == ExecutableStates.Unknown && ExitCode is not null);
}

/// <summary>The states DCP reports of an executable that the host acts on.</summary>
internal static class ExecutableStates
{
    public const string Running = "Running";
    public const string Finished = "Finished";
    public const string Terminated = "Terminated";
    public const string FailedToStart = "FailedToStart";
    public const string Unknown = "Unknown";
}

/// <summary>Says that an executable serves a service: the annotation DCP reads, as JSON, under <see cref="Annotation"/>.</summary>
internal sealed record ServiceProducer(string ServiceName, string? Address = null, int? Port = null)
{
    public const string Annotation = "service-producer";
}

internal sealed record DcpChange<TSpec, TStatus>(string Type, DcpObject<TSpec, TStatus> Object)
    where TSpec : IDcpKind
{
    public const string Deleted = "DELETED";
}

internal static class DcpJson
{
    public const string ApiVersion = "usvc-dev.developer.microsoft.com/v1";

    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };
}

/// <summary>
/// DCP expands Go templates in the values and arguments it is given. These write the ones in use, and keep every other
/// <c>{{</c> literal.
/// </summary>
internal static partial class DcpTemplate
{
    /// <summary>The port a producer itself listens on, which differs for each replica.</summary>
    public static string PortForServing(string service) => $$$"""{{- portForServing "{{{service}}}" -}}""";

    /// <summary>An annotation of the executable the value is part of.</summary>
    public static string Annotation(string name) => $$$"""{{- index .Annotations "{{{name}}}" -}}""";

    /// <summary>Makes DCP pass on the text as it is, but for the templates this class writes.</summary>
    public static string Escape(string value) =>
        Brace().Replace(value, found => found.Groups["ours"].Success ? found.Value : "{{`{{`}}");

    [GeneratedRegex("""(?<ours>\{\{- (?:portForServing|index \.Annotations) "[\w-]+" -\}\})|\{\{""")]
    private static partial Regex Brace();
}
