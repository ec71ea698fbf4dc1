using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Health;

/// <summary>Asks a resource over HTTP whether it is well.</summary>
internal sealed class EndpointHealthCheck(EndpointReference endpoint, string path, int expectedStatus, IHttpClientFactory clients) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!endpoint.IsAllocated)
        {
            return HealthCheckResult.Unhealthy($"The endpoint '{endpoint.EndpointName}' is not allocated yet.");
        }

        // A new connection each time: one kept open would always ask the same replica.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(new Uri(endpoint.Url), path)) { Headers = { ConnectionClose = true } };
        using var response = await clients.CreateClient(nameof(EndpointHealthCheck)).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        var status = (int)response.StatusCode;
        return status == expectedStatus ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy($"{request.RequestUri} answered {status}, expected {expectedStatus}.");
    }
}
