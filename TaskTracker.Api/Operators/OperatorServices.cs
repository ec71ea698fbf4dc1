namespace TaskTracker.Api.Operators;

/// <summary>Registers the operations API.</summary>
internal static class OperatorServices
{
    public static void AddOperators(this IHostApplicationBuilder builder)
    {
        builder.AddOperatorAccess();
        builder.Services.AddSingleton<AuditTrail>();
        builder.Services.AddScoped<ClusterView>();
        builder.Services.AddScoped<RunHistory>();
        builder.Services.AddScoped<JobControl>();
        builder.Services.AddScoped<RunControl>();
        builder.Services.AddScoped<LogLevels>();
    }
}
