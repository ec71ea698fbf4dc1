namespace Aspire.Hosting.ApplicationModel;

/// <summary>A PostgreSQL server in a container.</summary>
public class PostgresServerResource : ContainerResource, IResourceWithConnectionString
{
    internal const string PrimaryEndpointName = "tcp";
    private const string DefaultUserName = "postgres";

    private readonly Dictionary<string, string> _databases = new(StringComparer.OrdinalIgnoreCase);

    public PostgresServerResource(string name, ParameterResource? userName, ParameterResource password) : base(name)
    {
        ArgumentNullException.ThrowIfNull(password);
        UserNameParameter = userName;
        PasswordParameter = password;
    }

    public EndpointReference PrimaryEndpoint => new(this, PrimaryEndpointName);
    public EndpointReferenceExpression Host => PrimaryEndpoint.Property(EndpointProperty.Host);
    public EndpointReferenceExpression Port => PrimaryEndpoint.Property(EndpointProperty.Port);
    public ParameterResource? UserNameParameter { get; set; }
    public ParameterResource PasswordParameter { get; set; }

    public ReferenceExpression UserNameReference => UserNameParameter is null
        ? ReferenceExpression.Create($"{DefaultUserName}")
        : ReferenceExpression.Create($"{UserNameParameter}");

    /// <summary>The databases' names in the server by their resources' names.</summary>
    public IReadOnlyDictionary<string, string> Databases => _databases;

    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"Host={Host};Port={Port};Username={UserNameReference};Password={PasswordParameter}");

    public ReferenceExpression UriExpression => Uri(databaseName: null);
    public ReferenceExpression JdbcConnectionString => Jdbc(databaseName: null);

    IEnumerable<KeyValuePair<string, ReferenceExpression>> IResourceWithConnectionString.GetConnectionProperties() => ConnectionProperties(databaseName: null);

    internal void AddDatabase(string name, string databaseName) => _databases.Add(name, databaseName);

    internal ReferenceExpression Uri(string? databaseName)
    {
        var uri = new ReferenceExpressionBuilder();
        uri.AppendLiteral("postgresql://");
        if (UserNameParameter is null)
        {
            uri.AppendLiteral(DefaultUserName);
        }
        else
        {
            uri.Append($"{UserNameParameter:uri}");
        }

        uri.Append($":{PasswordParameter:uri}@{Host}:{Port}{Path(databaseName)}");
        return uri.Build();
    }

    internal ReferenceExpression Jdbc(string? databaseName) => ReferenceExpression.Create($"jdbc:postgresql://{Host}:{Port}{Path(databaseName)}");

    internal IEnumerable<KeyValuePair<string, ReferenceExpression>> ConnectionProperties(string? databaseName)
    {
        yield return new("Host", ReferenceExpression.Create($"{Host}"));
        yield return new("Port", ReferenceExpression.Create($"{Port}"));
        yield return new("Username", UserNameReference);
        yield return new("Password", ReferenceExpression.Create($"{PasswordParameter}"));
        if (databaseName is not null)
        {
            yield return new("DatabaseName", ReferenceExpression.Create($"{databaseName}"));
        }

        yield return new("Uri", Uri(databaseName));
        yield return new("JdbcConnectionString", Jdbc(databaseName));
    }

    private static string Path(string? databaseName) => databaseName is null ? "" : "/" + System.Uri.EscapeDataString(databaseName);
}
