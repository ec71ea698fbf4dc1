using Aspire.Hosting;

namespace StandIns.Tests.Hosting;

/// <summary>The AppHost that the tests of the testing builder run: this assembly's own entry point.</summary>
internal static class TinyAppHost
{
    private static async Task Main(string[] args)
    {
        var builder = DistributedApplication.CreateBuilder(args);
        if (builder.Configuration["fail"] is { } message)
        {
            throw new DistributedApplicationException(message);
        }

        builder.AddParameter("greeting", () => builder.Configuration["greeting"] ?? "hello", publishValueAsDefault: true);
        await builder.Build().RunAsync();
    }
}
