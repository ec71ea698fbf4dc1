using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace TaskTracker.Data.DataProtection;

/// <summary>
/// Keeps the keys that seal tokens and secrets in the database, so that every replica of every service, and every restart,
/// reads what another has sealed. In Production they are encrypted by a key from configuration: who reads a backup cannot
/// make tokens, nor read secrets.
/// </summary>
public static class SharedKeys
{
    /// <summary>Adds data protection over the shared keys.</summary>
    /// <param name="builder">The service that is being built.</param>
    public static void AddSharedKeys(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<SharedKeyOptions>()
            .BindConfiguration(SharedKeyOptions.SectionName)
            .Validate(
                options => options.Key is not null || !builder.Environment.IsProduction(),
                $"{SharedKeyOptions.SectionName}:{nameof(SharedKeyOptions.Key)} is missing: in Production give 32 random bytes in Base64, for example from 'openssl rand -base64 32'.")
            .ValidateDataAnnotations()
            .ValidateOnStart();

        builder.Services.AddSingleton<DatabaseKeyRepository>();
        builder.Services.AddDataProtection().SetApplicationName("TaskTracker");
        builder.Services.AddOptions<KeyManagementOptions>().Configure<DatabaseKeyRepository, IOptions<SharedKeyOptions>, IServiceProvider>((keys, repository, shared, services) =>
        {
            keys.XmlRepository = repository;
            keys.XmlEncryptor = shared.Value.Key is null ? null : new AesGcmKeyXml(services);
        });
    }

    /// <summary>
    /// Data protection reads its keys at the start, where the tables may not be there yet: the jobs service brings them.
    /// Called last, for whatever builds on data protection (authentication does) registers that again.
    /// </summary>
    /// <param name="services">The services of the process.</param>
    public static void ReadKeysWhenNeeded(this IServiceCollection services)
    {
        foreach (var preload in services.Where(service => service.ServiceType == typeof(IHostedService)
            && service.ImplementationType?.Assembly == typeof(KeyManagementOptions).Assembly).ToList())
        {
            services.Remove(preload);
        }
    }
}

/// <summary>What encrypts the shared keys. Bound to the configuration section <c>DataProtection</c>.</summary>
public sealed class SharedKeyOptions : IValidatableObject
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "DataProtection";

    /// <summary>32 random bytes in Base64; needed in Production.</summary>
    public string? Key { get; set; }

    /// <summary>The key as bytes.</summary>
    /// <returns>32 bytes.</returns>
    public byte[] KeyBytes() => Convert.FromBase64String(Key!);

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        var bytes = new byte[64];
        if (Key is not null && (!Convert.TryFromBase64String(Key, bytes, out var length) || length != 32))
        {
            yield return new ValidationResult($"{SectionName}:{nameof(Key)} must be 32 bytes in Base64.", [nameof(Key)]);
        }
    }
}
