namespace TaskTracker.Jobs.Schema;

/// <summary>Registers the owner of the schema.</summary>
internal static class SchemaServices
{
    public static void AddSchemaMigrator(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ApiRoleOptions>()
            .BindConfiguration(ApiRoleOptions.SectionName)
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddSingleton<ApiRole>();
        builder.Services.AddHostedService<SchemaMigrator>();
    }
}
