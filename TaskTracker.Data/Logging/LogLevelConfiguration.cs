using Microsoft.Extensions.Configuration;

namespace TaskTracker.Data.Logging;

/// <summary>The overrides that stand, as configuration: the logging of .NET reloads its filters when it changes.</summary>
internal sealed class LogLevelConfiguration : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>Takes over what stands now.</summary>
    /// <returns>Whether it differs from what stood before.</returns>
    public bool Replace(IReadOnlyCollection<LogLevelOverride> overrides)
    {
        var data = overrides.ToDictionary(
            level => $"Logging:LogLevel:{level.Category}", string? (level) => level.Level.ToString(), StringComparer.OrdinalIgnoreCase);
        if (data.Count == Data.Count && data.All(entry => Data.TryGetValue(entry.Key, out var value) && value == entry.Value))
        {
            return false;
        }

        Data = data;
        OnReload();
        return true;
    }
}
