namespace TaskTracker.AppHost.LocalServices;

/// <summary>A server that is ready to start.</summary>
/// <param name="Command">Starts it.</param>
/// <param name="Password">What its clients sign in with.</param>
internal sealed record LocalServer(ServerCommand Command, string Password);

/// <summary>
/// How a server is started. The last argument is still missing: the port, which the orchestrator decides when it starts the server.
/// </summary>
internal sealed record ServerCommand(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>The command under the account servers run under.</summary>
    public static ServerCommand Create(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        IReadOnlyList<string> whole = [.. ServerAccount.Prefix, .. command];
        return new(whole[0], [.. whole.Skip(1)], environment ?? new Dictionary<string, string>());
    }

    /// <summary>
    /// The same, run by <c>run-server.sh</c>, which turns the polite end that an orchestrator asks for into one that does not wait for clients.
    /// </summary>
    public ServerCommand WithFastStop() => OperatingSystem.IsWindows()
        ? this
        : new("/bin/sh", [Path.Combine(AppContext.BaseDirectory, "LocalServices", "run-server.sh"), Program, .. Arguments], Environment);
}
