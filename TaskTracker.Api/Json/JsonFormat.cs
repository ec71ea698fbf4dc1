using System.Text.Json;
using System.Text.Json.Serialization;

namespace TaskTracker.Api.Json;

/// <summary>How this API writes and reads JSON.</summary>
internal static class JsonFormat
{
    public static JsonNamingPolicy Names => JsonNamingPolicy.SnakeCaseLower;

    public static IServiceCollection AddJsonFormat(this IServiceCollection services) => services.ConfigureHttpJsonOptions(options =>
    {
        var json = options.SerializerOptions;
        json.PropertyNamingPolicy = Names;
        json.DictionaryKeyPolicy = new FieldNames();
        json.NumberHandling = JsonNumberHandling.Strict;
        json.AllowDuplicateProperties = false;
        json.Converters.Add(new UtcTimeJsonConverter());
        json.Converters.Add(new JsonStringEnumConverter(Names, allowIntegerValues: false));
    });

    /// <summary>The name of a field as clients know it; a header's has dashes, and is theirs already.</summary>
    public static string FieldName(string name) =>
        name.Contains('-', StringComparison.Ordinal) ? name : string.Join('.', name.Split('.').Select(Names.ConvertName));

    private sealed class FieldNames : JsonNamingPolicy
    {
        public override string ConvertName(string name) => FieldName(name);
    }
}
