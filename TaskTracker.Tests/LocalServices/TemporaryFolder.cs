using System.Runtime.Versioning;
using TaskTracker.AppHost.LocalServices;

namespace TaskTracker.Tests.LocalServices;

/// <summary>An empty folder for one test, which servers can reach when the tests run as root.</summary>
[UnsupportedOSPlatform("windows")]
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DataFolder folder = Servers.NewFolder();

    public string Path => folder.Path;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Adds a program that is a shell script, and returns this folder as a search path that holds nothing else.</summary>
    public string WithProgram(string name, string script)
    {
        File.WriteAllText(this[name], "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(this[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return Path;
    }

    public void Dispose() => folder.Dispose();
}
