using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The environment variables and arguments of one resource, as its annotations give them at this moment.</summary>
internal sealed class ResourceConfiguration
{
    private ResourceConfiguration(IReadOnlyList<Variable> environment, IReadOnlyList<Argument> arguments)
    {
        Environment = environment;
        Arguments = arguments;
    }

    internal IReadOnlyList<Variable> Environment { get; }
    internal IReadOnlyList<Argument> Arguments { get; }

    /// <summary>
    /// Runs every callback and evaluates every value; waits for endpoints that are not allocated yet. A value may hold
    /// <see cref="AllocatedEndpoint.TargetPortExpression"/>s for the orchestrator.
    /// </summary>
    internal static async Task<ResourceConfiguration> EvaluateAsync(IResource resource, DistributedApplicationExecutionContext executionContext, ILogger log, CancellationToken cancellationToken)
    {
        var environment = new List<Variable>();
        foreach (var (name, value) in await GatherEnvironmentAsync(resource, executionContext, log, cancellationToken))
        {
            if (await EvaluateAsync(value, cancellationToken) is { } text)
            {
                environment.Add(new(name, text, IsSecret(value)));
            }
        }

        var arguments = new List<Argument>();
        foreach (var value in await GatherArgumentsAsync(resource, executionContext, log, cancellationToken))
        {
            if (await EvaluateAsync(value, cancellationToken) is { } text)
            {
                arguments.Add(new(text, IsSecret(value)));
            }
        }

        return new(environment, arguments);
    }

    /// <summary>The variables before their values are evaluated.</summary>
    internal static async Task<IReadOnlyDictionary<string, object>> GatherEnvironmentAsync(IResource resource, DistributedApplicationExecutionContext executionContext, ILogger log, CancellationToken cancellationToken)
    {
        var context = new EnvironmentCallbackContext(executionContext, resource, [], cancellationToken) { Logger = log };
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
        {
            await annotation.Callback(context);
        }

        return context.EnvironmentVariables;
    }

    /// <summary>The arguments before their values are evaluated.</summary>
    internal static async Task<IReadOnlyList<object>> GatherArgumentsAsync(IResource resource, DistributedApplicationExecutionContext executionContext, ILogger log, CancellationToken cancellationToken)
    {
        var context = new CommandLineArgsCallbackContext([], resource, cancellationToken) { ExecutionContext = executionContext, Logger = log };
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
        {
            await annotation.Callback(context);
        }

        return [.. context.Args];
    }

    /// <summary>Whether a secret parameter is part of the value.</summary>
    internal static bool IsSecret(object? value) => value switch
    {
        ParameterResource parameter => parameter.Secret,
        IResourceBuilder<IResource> builder => IsSecret(builder.Resource),
        // An address is no secret, though the resource that listens there has some.
        EndpointReference or EndpointReferenceExpression => false,
        IValueWithReferences composite => composite.References.Any(IsSecret),
        _ => false,
    };

    private static async ValueTask<string?> EvaluateAsync(object? value, CancellationToken cancellationToken) => value switch
    {
        null => null,
        string text => text,
        IResourceBuilder<IResource> builder => await EvaluateAsync(builder.Resource, cancellationToken),
        IValueProvider provider => await provider.GetValueAsync(cancellationToken),
        bool flag => flag ? "true" : "false",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"A value of type '{value.GetType()}' cannot be passed to a resource; use text or a value provider."),
    };

    internal sealed record Variable(string Name, string Value, bool IsSecret);

    internal sealed record Argument(string Value, bool IsSecret);
}
