using System.Text.Json;
using System.Text.Json.Serialization;

namespace TaskTracker.Data.Operations;

/// <summary>How inputs, results and names of operations are stored.</summary>
public static class OperationJson
{
    /// <summary>The form of stored inputs and results: the names of clients' JSON.</summary>
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The stored name of a value, which clients see too.</summary>
    /// <param name="value">The value.</param>
    /// <typeparam name="T">Its type.</typeparam>
    /// <returns>For example <c>bulk_update</c>.</returns>
    public static string NameOf<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>Reads what <see cref="NameOf"/> wrote.</summary>
    /// <param name="name">The stored name.</param>
    /// <typeparam name="T">The type of the value.</typeparam>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentException">There is no value of that name.</exception>
    public static T Parse<T>(string name) where T : struct, Enum => Enum.Parse<T>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
}
