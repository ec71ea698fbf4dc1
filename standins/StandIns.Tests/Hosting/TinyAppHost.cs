using Aspire.Hosting;

namespace StandIns.Tests.Hosting;

/// <summary>The AppHost that the tests of the testing builder run: what this assembly's own entry point does.</summary>
internal static class TinyAppHost
{
    internal static async Task RunAsync(string[] args)
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
