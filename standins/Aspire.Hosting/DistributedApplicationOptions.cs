namespace Aspire.Hosting;

/// <summary>How an application is made; every setting has a default.</summary>
public sealed class DistributedApplicationOptions
{
    public string[]? Args { get; set; }

    /// <summary>The AppHost's assembly name, when it is not the entry assembly.</summary>
    public string? AssemblyName { get; set; }

    /// <summary>The AppHost project's folder, when it is not known from its assembly.</summary>
    public string? ProjectDirectory { get; set; }

    public bool DisableDashboard { get; set; }
    public string? DashboardApplicationName { get; set; }

    /// <summary>Allows plain http for the dashboard and its endpoints, like ASPIRE_ALLOW_UNSECURED_TRANSPORT.</summary>
    public bool AllowUnsecuredTransport { get; set; }

    /// <summary>Also writes the resources' console lines to the host's log.</summary>
    public bool EnableResourceLogging { get; set; }
}
