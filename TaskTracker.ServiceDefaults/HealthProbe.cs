using System.Globalization;

namespace TaskTracker.ServiceDefaults;

/// <summary>
/// Asks the service of this container how it is, for images that hold no shell and no other program:
/// <c>dotnet TaskTracker.Api.dll probe</c> ends with 0 where <c>/health</c> answers 200, else with 1.
/// </summary>
public static class HealthProbe
{
    /// <summary>The argument that asks for it.</summary>
    public const string Argument = "probe";

    // What the official images set.
    private const int DefaultPort = 8080;

    private static readonly string[] s_portVariables = ["HTTP_PORTS", "ASPNETCORE_HTTP_PORTS"];
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(4);

    /// <summary>Asks once.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync()
    {
        using var client = new HttpClient { Timeout = s_limit };
        try
        {
            using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{Port()}{Health.HealthPath}"));
            await Console.Out.WriteLineAsync(await answer.Content.ReadAsStringAsync());
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }
    }

    private static int Port()
    {
        foreach (var variable in s_portVariables)
        {
            if (int.TryParse(Environment.GetEnvironmentVariable(variable)?.Split(';')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            {
                return port;
            }
        }

        return DefaultPort;
    }
}
