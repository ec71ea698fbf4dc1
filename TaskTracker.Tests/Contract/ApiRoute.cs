using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TaskTracker.Tests.Api;

namespace TaskTracker.Tests.Contract;

/// <summary>A route as the service has mapped it: tests that go over all of these forget none.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path as the OpenAPI document writes it, without constraints.</param>
/// <param name="Endpoint">The route.</param>
internal sealed partial record ApiRoute(string Method, string Path, RouteEndpoint Endpoint)
{
    public bool HasId => Endpoint.RoutePattern.Parameters.Count > 0;

    /// <summary>Whether it takes more than being somebody.</summary>
    public bool NeedsRole => Endpoint.Metadata.OfType<IAuthorizeData>().Any(rule => rule.Policy is not null || rule.Roles is not null);

    /// <summary>All routes of a replica but those of the document and of the page's files.</summary>
    public static IReadOnlyList<ApiRoute> All(ApiFactory api) =>
    [
        .. from endpoint in api.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
           from method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []
           let path = Constraint().Replace($"/{endpoint.RoutePattern.RawText!.Trim('/')}", "}")
           where !path.StartsWith("/openapi", StringComparison.Ordinal) && !path.StartsWith("/assets", StringComparison.Ordinal)
           select new ApiRoute(method, path, endpoint),
    ];

    /// <summary>The path with something in the place of each id that its constraint lets through, and that nobody has.</summary>
    public string FillWithNobodys() => Parameter().Replace(Path, match =>
    {
        var policies = Endpoint.RoutePattern.ParameterPolicies.GetValueOrDefault(match.Groups["name"].Value) ?? [];
        return policies.Any(policy => policy.Content == "guid") ? $"{Guid.NewGuid()}" : policies.Count > 0 ? "9223372036854775807" : "nothing";
    });

    public override string ToString() => $"{Method} {Path}";

    [GeneratedRegex(":[^}]+}")]
    private static partial Regex Constraint();

    [GeneratedRegex("{(?<name>[^}]+)}")]
    private static partial Regex Parameter();
}
