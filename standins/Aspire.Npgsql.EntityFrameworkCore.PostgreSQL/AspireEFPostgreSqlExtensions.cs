using System.Diagnostics.CodeAnalysis;
using Aspire.Npgsql.EntityFrameworkCore.PostgreSQL;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds a database context on PostgreSQL to an application.</summary>
public static class AspireEFPostgreSqlExtensions
{
    private const string SectionName = "Aspire:Npgsql:EntityFrameworkCore:PostgreSQL";

    private const DynamicallyAccessedMemberTypes RequiredByEF =
        DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.NonPublicConstructors
        | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>
    /// Registers a pooled context with retries, a health check named after its type, traces and metrics. Settings come
    /// from the section Aspire:Npgsql:EntityFrameworkCore:PostgreSQL, then from its subsections named after the
    /// connection and the context, then from <paramref name="configureSettings"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// In Development, when the context is already registered; when a context is asked for, if there is no connection string.
    /// </exception>
    public static void AddNpgsqlDbContext<[DynamicallyAccessedMembers(RequiredByEF)] TContext>(
        this IHostApplicationBuilder builder,
        string connectionName,
        Action<NpgsqlEntityFrameworkCorePostgreSQLSettings>? configureSettings = null,
        Action<DbContextOptionsBuilder>? configureDbContextOptions = null) where TContext : DbContext
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(connectionName);

        if (builder.Environment.IsDevelopment()
            && builder.Services.Any(service => service.ServiceType == typeof(DbContextOptions<TContext>)))
        {
            throw new InvalidOperationException(
                $"{typeof(TContext).Name} is registered already: call AddNpgsqlDbContext instead of AddDbContext, and once.");
        }

        var section = builder.Configuration.GetSection(SectionName);
        var settings = new NpgsqlEntityFrameworkCorePostgreSQLSettings();
        section.Bind(settings);
        section.GetSection(connectionName).Bind(settings);
        section.GetSection(typeof(TContext).Name).Bind(settings);
        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);

        builder.Services.AddDbContextPool<TContext>(options =>
        {
            // Checked here and not at registration, so that the sentence reaches a log that is already set up.
            if (string.IsNullOrWhiteSpace(settings.ConnectionString) && !EF.IsDesignTime)
            {
                throw new InvalidOperationException(
                    $"There is no connection string for {typeof(TContext).Name}: give it as 'ConnectionStrings:{connectionName}', "
                    + $"or as 'ConnectionString' in the section '{SectionName}' or '{SectionName}:{typeof(TContext).Name}'.");
            }

            options.UseNpgsql(settings.ConnectionString, npgsql =>
            {
                if (!settings.DisableRetry)
                {
                    npgsql.EnableRetryOnFailure();
                }

                if (settings.CommandTimeout is { } seconds)
                {
                    npgsql.CommandTimeout(seconds);
                }
            });
            configureDbContextOptions?.Invoke(options);
        });

        if (!settings.DisableHealthChecks && builder.Properties.TryAdd($"Aspire.HealthChecks.{typeof(TContext).Name}", true))
        {
            builder.Services.AddHealthChecks().AddCheck<CanConnect<TContext>>(typeof(TContext).Name);
        }

        if (!settings.DisableTracing)
        {
            builder.Services.AddOpenTelemetry().WithTracing(static tracing => tracing.AddSource("Npgsql"));
        }

        if (!settings.DisableMetrics)
        {
            builder.Services.AddOpenTelemetry().WithMetrics(static metrics => metrics.AddMeter("Npgsql"));
        }
    }

    private sealed class CanConnect<TContext>(TContext db) : IHealthCheck where TContext : DbContext
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
            await db.Database.CanConnectAsync(cancellationToken)
                ? HealthCheckResult.Healthy()
                : new HealthCheckResult(context.Registration.FailureStatus);
    }
}
