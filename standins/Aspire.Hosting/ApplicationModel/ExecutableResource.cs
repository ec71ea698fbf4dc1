namespace Aspire.Hosting.ApplicationModel;

/// <summary>Any program, started as a process.</summary>
public class ExecutableResource : Resource, IResourceWithEnvironment, IResourceWithArgs, IResourceWithEndpoints, IResourceWithWaitSupport
{
    public ExecutableResource(string name, string command, string workingDirectory) : base(name)
    {
        ArgumentException.ThrowIfNullOrEmpty(command);
        ArgumentNullException.ThrowIfNull(workingDirectory);
        Annotations.Add(new ExecutableAnnotation { Command = command, WorkingDirectory = workingDirectory });
    }

    public string Command => Executable.Command;
    public string WorkingDirectory => Executable.WorkingDirectory;

    private ExecutableAnnotation Executable => Annotations.OfType<ExecutableAnnotation>().Last();
}

/// <summary>What an executable runs, and where.</summary>
public sealed class ExecutableAnnotation : IResourceAnnotation
{
    public required string Command { get; set; }
    public required string WorkingDirectory { get; set; }
}
