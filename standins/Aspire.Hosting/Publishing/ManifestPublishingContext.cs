using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.Publishing;

/// <summary>What a resource writes itself into the manifest with.</summary>
public sealed class ManifestPublishingContext(DistributedApplicationExecutionContext executionContext, string manifestPath, Utf8JsonWriter writer, CancellationToken cancellationToken = default)
{
    // The first port of those that are given to endpoints which must have one but do not say which.
    private const int FirstAllocatedPort = 8000;

    private readonly HashSet<string> _written = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<IResource> _referenced = [];
    private readonly Dictionary<string, (string Value, string Filter)> _formatted = [];
    private readonly HashSet<int> _usedPorts = [];
    private int _nextPort = FirstAllocatedPort;

    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;
    public string ManifestPath { get; } = manifestPath;
    public Utf8JsonWriter Writer { get; } = writer;
    public CancellationToken CancellationToken { get; } = cancellationToken;

    /// <summary>The path as seen from the manifest's folder, with slashes.</summary>
    [return: NotNullIfNotNull(nameof(path))]
    public string? GetManifestRelativePath(string? path) =>
        path is null ? null : Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(ManifestPath))!, path).Replace('\\', '/');

    public void WriteConnectionString(IResource resource)
    {
        if (resource is IResourceWithConnectionString connection)
        {
            Writer.WriteString("connectionString", Expression(connection.ConnectionStringExpression));
        }
    }

    public async Task WriteEnvironmentVariablesAsync(IResource resource)
    {
        var variables = await ResourceConfiguration.GatherEnvironmentAsync(resource, ExecutionContext, NullLogger.Instance, CancellationToken);
        if (variables.Count == 0)
        {
            return;
        }

        Writer.WriteStartObject("env");
        foreach (var (name, value) in variables)
        {
            Writer.WriteString(name, Expression(value));
        }

        Writer.WriteEndObject();
    }

    public async Task WriteCommandLineArgumentsAsync(IResource resource)
    {
        var arguments = await ResourceConfiguration.GatherArgumentsAsync(resource, ExecutionContext, NullLogger.Instance, CancellationToken);
        if (arguments.Count == 0)
        {
            return;
        }

        Writer.WriteStartArray("args");
        foreach (var argument in arguments)
        {
            Writer.WriteStringValue(Expression(argument));
        }

        Writer.WriteEndArray();
    }

    public void WriteBindings(IResource resource)
    {
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToList();
        if (endpoints.Count == 0)
        {
            return;
        }

        var defaults = new HashSet<string>();
        Writer.WriteStartObject("bindings");
        foreach (var endpoint in endpoints)
        {
            // The deployment decides where a project listens for the first endpoint of http and https.
            var isDefault = resource is ProjectResource && endpoint.UriScheme is "http" or "https" && defaults.Add(endpoint.UriScheme);
            var port = endpoint.Port is 0 ? null : endpoint.Port;
            var targetPort = (endpoint.TargetPort is 0 ? null : endpoint.TargetPort) ?? (resource is ContainerResource ? port : null) ?? (isDefault ? null : AllocatePort());
            if (port is null && targetPort is null && endpoint.UriScheme is not ("http" or "https"))
            {
                port = AllocatePort();
            }

            Writer.WriteStartObject(endpoint.Name);
            Writer.WriteString("scheme", endpoint.UriScheme);
            Writer.WriteString("protocol", endpoint.Protocol.ToString().ToLowerInvariant());
            Writer.WriteString("transport", endpoint.Transport);
            if (port is { } exposed && port != targetPort)
            {
                Writer.WriteNumber("port", exposed);
            }

            if (targetPort is { } listening)
            {
                Writer.WriteNumber("targetPort", listening);
                _usedPorts.Add(listening);
            }

            if (endpoint.IsExternal)
            {
                Writer.WriteBoolean("external", true);
            }

            Writer.WriteEndObject();
        }

        Writer.WriteEndObject();
    }

    /// <summary>Has the resources that the value is made of written too, if they are not part of the model.</summary>
    public void TryAddDependentResources(object? value)
    {
        if (value is IResource resource)
        {
            if (!_referenced.Contains(resource))
            {
                _referenced.Add(resource);
            }

            return;
        }

        foreach (var reference in value is IValueWithReferences composite ? composite.References : [])
        {
            TryAddDependentResources(reference);
        }
    }

    public async Task WriteContainerAsync(ContainerResource container)
    {
        if (!container.TryGetLastAnnotation<ContainerImageAnnotation>(out var image))
        {
            throw new DistributedApplicationException($"Could not get the container image name for resource '{container.Name}'.");
        }

        Writer.WriteString("type", "container.v0");
        WriteConnectionString(container);
        Writer.WriteString("image", $"{(image.Registry is null ? "" : image.Registry + "/")}{image.Image}{(image.Tag is null ? "" : ":" + image.Tag)}");
        if (container.Entrypoint is not null)
        {
            Writer.WriteString("entrypoint", container.Entrypoint);
        }

        await WriteCommandLineArgumentsAsync(container);
        WriteMounts(container);
        await WriteEnvironmentVariablesAsync(container);
        WriteBindings(container);
    }

    internal async Task WriteAsync(DistributedApplicationModel model)
    {
        Writer.WriteStartObject();
        Writer.WriteStartObject("resources");
        foreach (var resource in model.Resources)
        {
            await WriteAsync(resource);
        }

        // Writing one may bring up others: a database its server, a server its password.
        for (var index = 0; index < _referenced.Count; index++)
        {
            await WriteAsync(_referenced[index]);
        }

        foreach (var (name, (value, filter)) in _formatted)
        {
            Writer.WriteStartObject(name);
            Writer.WriteString("type", "annotated.string");
            Writer.WriteString("value", value);
            Writer.WriteString("filter", filter);
            Writer.WriteEndObject();
        }

        Writer.WriteEndObject();
        Writer.WriteEndObject();
    }

    private async Task WriteAsync(IResource resource)
    {
        var isCustom = resource.TryGetLastAnnotation<ManifestPublishingCallbackAnnotation>(out var custom);
        if ((isCustom && custom!.Callback is null) || !_written.Add(resource.Name))
        {
            return;
        }

        Writer.WriteStartObject(resource.Name);
        switch (resource)
        {
            case not null when isCustom:
                await custom!.Callback!(this);
                break;
            case ContainerResource container:
                await WriteContainerAsync(container);
                break;
            case ProjectResource project:
                await WriteProjectAsync(project);
                break;
            case ExecutableResource executable:
                await WriteExecutableAsync(executable);
                break;
            case ParameterResource parameter:
                WriteParameter(parameter);
                break;
            case IResourceWithConnectionString:
                Writer.WriteString("type", "value.v0");
                WriteConnectionString(resource);
                break;
            default:
                Writer.WriteString("error", "This resource does not support generation in the manifest.");
                break;
        }

        Writer.WriteEndObject();
    }

    private async Task WriteProjectAsync(ProjectResource project)
    {
        if (!project.TryGetLastAnnotation<IProjectMetadata>(out var metadata))
        {
            throw new DistributedApplicationException($"Project metadata was not found for resource '{project.Name}'.");
        }

        Writer.WriteString("type", "project.v0");
        Writer.WriteString("path", GetManifestRelativePath(metadata.ProjectPath));
        await WriteCommandLineArgumentsAsync(project);
        await WriteEnvironmentVariablesAsync(project);
        WriteBindings(project);
    }

    private async Task WriteExecutableAsync(ExecutableResource executable)
    {
        Writer.WriteString("type", "executable.v0");
        WriteConnectionString(executable);
        Writer.WriteString("workingDirectory", GetManifestRelativePath(executable.WorkingDirectory));
        Writer.WriteString("command", executable.Command);
        await WriteCommandLineArgumentsAsync(executable);
        await WriteEnvironmentVariablesAsync(executable);
        WriteBindings(executable);
    }

    private void WriteParameter(ParameterResource parameter)
    {
        Writer.WriteString("type", "parameter.v0");
        if (parameter.IsConnectionString)
        {
            Writer.WriteString("connectionString", parameter.ValueExpression);
        }

        Writer.WriteString("value", $"{{{parameter.Name}.inputs.value}}");
        Writer.WriteStartObject("inputs");
        Writer.WriteStartObject("value");
        Writer.WriteString("type", "string");
        if (parameter.Secret)
        {
            Writer.WriteBoolean("secret", true);
        }

        if (parameter.Default is { } @default)
        {
            Writer.WriteStartObject("default");
            @default.WriteToManifest(this);
            Writer.WriteEndObject();
        }

        Writer.WriteEndObject();
        Writer.WriteEndObject();
    }

    private void WriteMounts(ContainerResource container)
    {
        foreach (var kind in container.Annotations.OfType<ContainerMountAnnotation>().GroupBy(mount => mount.Type))
        {
            var isBind = kind.Key == ContainerMountType.BindMount;
            Writer.WriteStartArray(isBind ? "bindMounts" : "volumes");
            foreach (var mount in kind)
            {
                Writer.WriteStartObject();
                if (mount.Source is not null)
                {
                    Writer.WriteString(isBind ? "source" : "name", isBind ? GetManifestRelativePath(mount.Source) : mount.Source);
                }

                Writer.WriteString("target", mount.Target);
                Writer.WriteBoolean("readOnly", mount.IsReadOnly);
                Writer.WriteEndObject();
            }

            Writer.WriteEndArray();
        }
    }

    private string Expression(object value)
    {
        TryAddDependentResources(value);
        return value switch
        {
            string text => text,
            ReferenceExpression composite => string.Concat(composite.Segments.Select(Expression)),
            IManifestExpressionProvider provider => provider.ValueExpression,
            bool flag => flag ? "true" : "false",
            IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
            _ => throw new NotSupportedException($"A value of type '{value.GetType()}' cannot be published; use text or a value with an expression."),
        };
    }

    // A formatted value becomes a resource of its own that names the filter; it is written once however often it is used.
    private string Expression(ReferenceExpression.Segment segment)
    {
        switch (segment)
        {
            case { Text: { } text }:
                return text;
            case { Format: { } filter, Value: ParameterResource parameter }:
                var name = $"{parameter.Name}-{filter}-encoded";
                _formatted[name] = (parameter.ValueExpression, filter);
                return $"{{{name}.value}}";
            case { Format: not null }:
                throw new NotSupportedException($"Only parameters can be formatted in a manifest, not '{segment.Expression!.ValueExpression}'.");
            case { Value: ReferenceExpression nested }:
                return Expression(nested);
            default:
                return segment.Expression!.ValueExpression;
        }
    }

    private int AllocatePort()
    {
        while (!_usedPorts.Add(_nextPort))
        {
            _nextPort++;
        }

        return _nextPort++;
    }
}
