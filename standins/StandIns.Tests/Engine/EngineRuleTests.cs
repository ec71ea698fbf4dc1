using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Engine;

namespace StandIns.Tests.Engine;

/// <summary>The engine's rules that need no orchestrator.</summary>
public sealed class EngineRuleTests
{
    [Theory]
    [InlineData("plain {single} text", "plain {single} text")]
    [InlineData("{{b}}", "{{`{{`}}b}}")]
    [InlineData("http://localhost:{{- portForServing \"api-http\" -}}", "http://localhost:{{- portForServing \"api-http\" -}}")]
    [InlineData("{{- portFor \"api\" -}}", "{{`{{`}}- portFor \"api\" -}}")]
    public void Only_the_hosts_own_templates_are_left_to_be_expanded(string value, string escaped) =>
        Assert.Equal(escaped, DcpTemplate.Escape(value));

    [Fact]
    public void Resources_end_in_the_order_of_who_needs_whom_and_together_where_they_need_each_other()
    {
        var database = Resource("database");
        var api = Resource("api");
        var jobs = Resource("jobs");
        api.Annotations.Add(new WaitAnnotation(database, WaitType.WaitUntilHealthy));
        jobs.Annotations.Add(new ResourceRelationshipAnnotation(database, "Reference"));
        Assert.Equal(["api jobs", "database"], Waves(database, api, jobs));

        database.Annotations.Add(new ResourceRelationshipAnnotation(api, "Reference"));
        Assert.Equal(["jobs", "api database"], Waves(database, api, jobs));
    }

    [Fact]
    public void A_port_that_somebody_listens_on_is_not_free()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();

        Assert.False(PortProbe.IsFree(((IPEndPoint)listener.LocalEndpoint).Port));
    }

    private static ExecutableResource Resource(string name) => new(name, "true", "/");

    private static IEnumerable<string> Waves(params IResource[] resources) =>
        ShutdownOrder.Of(resources).Select(wave => string.Join(' ', wave.Select(resource => resource.Name).Order()));
}
