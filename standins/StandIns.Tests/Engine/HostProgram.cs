using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using StandIns.Tests.Hosting;

namespace StandIns.Tests.Engine;

/// <summary>
/// What the tests start as processes of their own, from this very assembly: an AppHost that can be killed without killing
/// the tests, and a web server that says which process answered.
/// </summary>
internal static class HostProgram
{
    private static Task Main(string[] args) => args switch
    {
        ["apphost", var marker] => RunAppHostAsync(marker),
        ["serve", var port] => ServeAsync(int.Parse(port, CultureInfo.InvariantCulture)),
        _ => TinyAppHost.RunAsync(args),
    };

    /// <summary>The command line of one of the programs above.</summary>
    public static string[] CommandLine(params string[] args) => ["exec", typeof(HostProgram).Assembly.Location, .. args];

    /// <summary>Runs a process with a child, and one that will not listen; all have the marker in their command lines.</summary>
    private static async Task RunAppHostAsync(string marker)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions { Args = [], DisableDashboard = true });
        builder.AddShell("family", $"sleep 1000{marker} & sleep 2000{marker}");
        builder.AddShell("stubborn", $"trap '' TERM INT; sleep 3000{marker}; sleep 3000{marker}");
        await using var app = builder.Build();
        await app.RunAsync();
    }

    private static async Task ServeAsync(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        var body = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        while (true)
        {
            using var client = await listener.AcceptTcpClientAsync();
            var stream = client.GetStream();
            await stream.ReadAtLeastAsync(new byte[4096], minimumBytes: 1, throwOnEndOfStream: false);
            await stream.WriteAsync(answer);
        }
    }
}

internal static class ShellResources
{
    public static IResourceBuilder<ExecutableResource> AddShell(this IDistributedApplicationBuilder builder, string name, string script)
    {
        var resource = new ExecutableResource(name, "/bin/sh", "/");
        resource.Annotations.Add(new CommandLineArgsCallbackAnnotation(arguments =>
        {
            arguments.Add("-c");
            arguments.Add(script);
        }));
        return builder.AddResource(resource);
    }
}
