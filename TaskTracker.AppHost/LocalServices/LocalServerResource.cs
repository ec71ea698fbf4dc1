
namespace TaskTracker.AppHost.LocalServices;

/// <summary>A database or cache server that runs as a process of the AppHost's.</summary>
internal sealed class LocalServerResource : ExecutableResource, IResourceWithConnectionString
{
    /// <summary>The name of its one endpoint.</summary>
    public const string EndpointName = "tcp";

    private readonly Func<LocalServerResource, ReferenceExpression> connectionString;
    private LocalServer? server;

    /// <param name="name">The resource's name, which is also the connection's.</param>
    /// <param name="workingDirectory">A folder that the server's account can enter.</param>
    /// <param name="connectionString">Makes the connection string of endpoint and password.</param>
    public LocalServerResource(string name, string workingDirectory, Func<LocalServerResource, ReferenceExpression> connectionString)
        : base(name, "prepared before the start", workingDirectory)
    {
        this.connectionString = connectionString;
        Endpoint = new(this, EndpointName);
        Password = new($"{name}-password", _ => Server.Password, secret: true);
    }

    /// <summary>Where clients connect.</summary>
    public EndpointReference Endpoint { get; }

    /// <summary>What clients sign in with; it has no value before the server is prepared.</summary>
    public ParameterResource Password { get; }

    /// <inheritdoc />
    public ReferenceExpression ConnectionStringExpression => connectionString(this);

    /// <summary>How the server is started; set while the AppHost starts, before any resource does.</summary>
    public LocalServer Server
    {
        get => server ?? throw new DistributedApplicationException($"The server of '{Name}' is not prepared yet.");
        set
        {
            server = value;
            Annotations.OfType<ExecutableAnnotation>().Last().Command = value.Command.Program;
        }
    }
}
