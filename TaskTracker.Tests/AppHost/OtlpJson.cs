using System.Text.Json;

namespace TaskTracker.Tests.AppHost;

/// <summary>Reads what the dashboard's query API answers.</summary>
internal static class OtlpJson
{
    /// <summary>The spans, of all services.</summary>
    public static IEnumerable<JsonElement> Spans(JsonElement answer) =>
        from resource in answer.GetProperty("data").GetProperty("resourceSpans").EnumerateArray()
        from scope in resource.GetProperty("scopeSpans").EnumerateArray()
        from span in scope.GetProperty("spans").EnumerateArray()
        select span;

    /// <summary>The log records, each with the name of its service.</summary>
    public static IEnumerable<(string? Service, JsonElement Record)> Logs(JsonElement answer) =>
        from resource in answer.GetProperty("data").GetProperty("resourceLogs").EnumerateArray()
        from scope in resource.GetProperty("scopeLogs").EnumerateArray()
        from record in scope.GetProperty("logRecords").EnumerateArray()
        select (Attribute(resource.GetProperty("resource"), "service.name"), record);

    /// <summary>The value of an attribute of a span, a record or a resource, as text; null where it has none of that name.</summary>
    public static string? Attribute(JsonElement holder, string key) =>
        holder.TryGetProperty("attributes", out var attributes)
            ? attributes.EnumerateArray()
                .Where(attribute => attribute.GetProperty("key").GetString() == key)
                .Select(attribute => attribute.GetProperty("value").EnumerateObject().First().Value.ToString())
                .FirstOrDefault()
            : null;
}
