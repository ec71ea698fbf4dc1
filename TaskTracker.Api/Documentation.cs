using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.BulkUpdates;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Exports;
using TaskTracker.Api.Health;
using TaskTracker.Api.Notifications;
using TaskTracker.Api.Operations;
using TaskTracker.Api.Operators;
using TaskTracker.Api.Paging;
using TaskTracker.Api.Statistics;
using TaskTracker.Api.Tasks;
using TaskTracker.Api.WebPage;
using TaskTracker.ServiceDefaults;

namespace TaskTracker.Api;

/// <summary>The OpenAPI document and the page over it, which needs nothing from elsewhere.</summary>
internal static class Documentation
{
    private const string Scheme = BearerTokenDefaults.AuthenticationScheme;

    private const string Task1 =
        """
        {
          "id": 1, "title": "Write the report", "description": "Two pages.", "completed": false, "deadline": "2030-01-31T08:30:00.000000Z",
          "created_at": "2030-01-01T09:00:00.000000Z", "updated_at": "2030-01-01T09:00:00.000000Z", "owner_id": 1
        }
        """;

    private const string Notification1 =
        """
        {
          "id": 1, "task_id": 1, "kind": "reminder", "title": "Write the report", "deadline": "2030-01-31T08:30:00.000000Z",
          "lead_seconds": 86400, "created_at": "2030-01-30T08:30:00.000000Z", "read_at": null
        }
        """;

    private static readonly Dictionary<Type, string> Examples = new()
    {
        [typeof(RegisterRequest)] = """{ "username": "ada", "email": "ada@example.com", "password": "correct horse battery staple" }""",
        [typeof(UserResponse)] = """{ "id": 1, "username": "ada", "email": "ada@example.com", "is_active": true }""",
        [typeof(TokenResponse)] = """{ "access_token": "CfDJ8…", "token_type": "bearer", "expires_in": 1800, "refresh_token": "q83v…" }""",
        [typeof(RefreshRequest)] = """{ "refresh_token": "q83v…" }""",
        [typeof(CreateTaskRequest)] = """{ "title": "Write the report", "description": "Two pages.", "deadline": "2030-01-31T08:30:00Z" }""",
        [typeof(UpdateTaskRequest)] = """{ "completed": true, "deadline": null }""",
        [typeof(TaskResponse)] = Task1,
        [typeof(Page<TaskResponse>)] = $$"""{ "items": [{{Task1}}], "next_cursor": null }""",
        [typeof(MessageResponse)] = """{ "message": "Task deleted successfully" }""",
        [typeof(StatisticsResponse)] =
            """{ "total_tasks": 3, "completed_tasks": 1, "overdue_tasks": 0, "completion_rate": 33.33, "updated_at": "2030-01-01T09:00:00.000000Z" }""",
        [typeof(HistoryResponse)] = """{ "time_zone": "Europe/Berlin", "days": [{ "date": "2030-01-01", "created": 2, "completed": 1 }] }""",
        [typeof(NotificationResponse)] = Notification1,
        [typeof(Page<NotificationResponse>)] = $$"""{ "items": [{{Notification1}}], "next_cursor": null }""",
        [typeof(UnreadResponse)] = """{ "unread": 1 }""",
        [typeof(ExportStarted)] =
            """
            {
              "message": "The export has been started.", "task_id": "019d0c6e-5a00-7000-8000-000000000001",
              "status_url": "/tasks/export-status/019d0c6e-5a00-7000-8000-000000000001"
            }
            """,
        [typeof(BulkUpdateRequest)] = """{ "task_ids": [1, 2, 3], "update_data": { "completed": true } }""",
        [typeof(BulkUpdateStarted)] =
            """{ "message": "The bulk update has been started.", "task_id": "019d0c6e-5a00-7000-8000-000000000002", "task_count": 3 }""",
        [typeof(OperationResponse)] =
            """
            {
              "status": "completed", "progress": 100, "error": null,
              "result": {
                "export_key": "019d0c6e-5a00-7000-8000-000000000001", "task_count": 3, "format": "json",
                "download_url": "/exports/019d0c6e-5a00-7000-8000-000000000001"
              }
            }
            """,
        [typeof(WelcomeResponse)] =
            """{ "message": "Welcome to TaskTracker.", "docs": "/docs", "openapi": "/openapi/v1.json", "health": "/health" }""",
        [typeof(ServiceReport)] = """{ "status": "healthy", "checks": {} }""",
        [typeof(UpdateNotificationSettingsRequest)] = """{ "email_enabled": true, "webhook_url": "https://example.com/hooks/tasks" }""",
        [typeof(NotificationSettingsResponse)] =
            """{ "email_enabled": true, "webhook_url": "https://example.com/hooks/tasks", "webhook_secret_set": true, "webhook_secret": null }""",
        [typeof(List<DeliveryResponse>)] =
            """
            [{
              "id": 2, "notification_id": null, "channel": "email", "status": "pending", "attempts": 0, "last_error": null,
              "created_at": "2030-01-30T08:30:00.000000Z", "next_attempt_at": "2030-01-30T08:30:00.000000Z", "finished_at": null
            }]
            """,
        [typeof(Page<DeliveryResponse>)] =
            """
            { "items": [{
              "id": 1, "notification_id": 1, "channel": "webhook", "status": "sent", "attempts": 1, "last_error": null,
              "created_at": "2030-01-30T08:30:00.000000Z", "next_attempt_at": null, "finished_at": "2030-01-30T08:30:00.250000Z"
            }], "next_cursor": null }
            """,
        [typeof(HealthResponse)] = """{ "status": "healthy", "database": "connected", "redis": "connected", "redis_status": "in_use", "jobs": "running" }""",
        [typeof(Page<NodeResponse>)] =
            """
            { "items": [{ "id": "jobs-1639", "state": "alive", "last_check_in": "2030-01-01T09:00:00.000000Z",
              "running": [{ "id": "jobs-1639-7", "job": "export_user_tasks", "started_at": "2030-01-01T09:00:00.000000Z" }] }], "next_cursor": null }
            """,
        [typeof(Page<RunningResponse>)] =
            """
            { "items": [{ "id": "jobs-1639-7", "job": "export_user_tasks", "operation_id": "0193a3a4-5b1c-7d2e-8f00-123456789abc", "node": "jobs-1639",
              "started_at": "2030-01-01T09:00:00.000000Z", "running_seconds": 3.2, "progress": 40, "message": null }], "next_cursor": null }
            """,
        [typeof(Page<QueueResponse>)] =
            """
            { "items": [{ "job": "export_user_tasks", "waiting": 3, "oldest_at": "2030-01-01T09:00:00.000000Z", "oldest_seconds": 1.5,
              "paused": true, "pause_reason": "The disk is full.", "paused_by": "ada", "paused_at": "2030-01-01T08:59:00.000000Z" }], "next_cursor": null }
            """,
        [typeof(Page<RunResponse>)] =
            """
            { "items": [{ "id": "jobs-1639-7", "job": "export_user_tasks", "operation_id": "0193a3a4-5b1c-7d2e-8f00-123456789abc", "node": "jobs-1639",
              "result": "failed", "started_at": "2030-01-01T09:00:00.000000Z", "duration_ms": 12.5, "retry": 3, "will_retry": false, "manual": false,
              "summary": null, "error": "The connection was lost." }], "next_cursor": null }
            """,
        [typeof(Page<JobStatisticsResponse>)] =
            """
            { "items": [{ "job": "export_user_tasks", "runs": 120, "succeeded": 117, "failed": 2, "cancelled": 1, "skipped": 0,
              "p50_ms": 41.0, "p95_ms": 180.5, "max_ms": 950.2, "last_started_at": "2030-01-01T09:00:00.000000Z" }], "next_cursor": null }
            """,
        [typeof(Page<ScheduleResponse>)] =
            """
            { "items": [{ "job": "check_overdue_tasks", "trigger": "hourly", "description": null, "cron": "0 0 * * * ?", "every_seconds": null, "time_zone": "UTC",
              "next_at": "2030-01-01T10:00:00.000000Z", "previous_at": "2030-01-01T09:00:00.000000Z", "state": "waiting",
              "pause_reason": null, "paused_by": null, "paused_at": null }], "next_cursor": null }
            """,
        [typeof(Page<AuditResponse>)] =
            """
            { "items": [{ "id": 7, "at": "2030-01-01T09:00:00.000000Z", "actor": "ada", "user_id": 1, "action": "pause", "target": "export_user_tasks",
              "outcome": "done", "reason": "The disk is full.", "detail": null }], "next_cursor": null }
            """,
        [typeof(Page<LogLevelResponse>)] =
            """{ "items": [{ "service": "jobs", "category": "TaskTracker", "level": "debug", "expires_at": "2030-01-01T09:15:00.000000Z" }], "next_cursor": null }""",
        [typeof(LogLevelRequest)] = """{ "level": "Debug", "category": "TaskTracker", "minutes": 15 }""",
        [typeof(PauseRequest)] = """{ "reason": "The disk is full." }""",
        [typeof(ActionResponse)] = """{ "message": "export_user_tasks is paused: The disk is full." }""",
        [typeof(CacheStatusResponse)] =
            """{ "cache_working": true, "cache_ttl": 300, "latency_ms": 0.8, "counts": { "hits": 90, "misses": 10, "hit_ratio": 0.9, "keys": 12, "memory_bytes": 1048576 } }""",
    };

    public static void AddDocumentation(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "TaskTracker", Version = "v1", Description = "Tasks, their reminders, and who has them." };
            // Paths are enough: the document is read from the service it describes.
            document.Servers = [];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Scheme] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.OAuth2,
                    Description = "Log in with a user name and a password; client id and secret stay empty.",
                    Flows = new OpenApiOAuthFlows
                    {
                        Password = new OpenApiOAuthFlow
                        {
                            TokenUrl = new Uri("/auth/login", UriKind.Relative),
                            RefreshUrl = new Uri("/auth/refresh", UriKind.Relative),
                            Scopes = new Dictionary<string, string>(),
                        },
                    },
                },
                [OperatorKey.SchemeName] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Header,
                    Name = OperatorKey.Header,
                    Description = "The operator key, where one is configured: for programs that operate without an account.",
                },
            };
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            if (Examples.TryGetValue(context.JsonTypeInfo.Type, out var example))
            {
                schema.Examples = [JsonNode.Parse(example)!];
            }

            return Task.CompletedTask;
        });
        options.AddOperationTransformer<DocumentedAnswers>();
        options.AddOperationTransformer((operation, context, _) =>
        {
            // A parameter is named by its property unless it is renamed; refusals name it as everything else, in snake_case.
            foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>().Where(parameter => parameter.In == ParameterLocation.Query) ?? [])
            {
                parameter.Name = JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Name!);
            }

            if (!context.Description.ActionDescriptor.EndpointMetadata.OfType<IAllowAnonymous>().Any())
            {
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Scheme, context.Document)] = [] }];
                if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Any(rule => rule.Policy is OperatorAccess.Read or OperatorAccess.Act))
                {
                    operation.Security.Add(new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(OperatorKey.SchemeName, context.Document)] = [] });
                }
            }

            return Task.CompletedTask;
        });
    });

    public static void MapDocumentation(this IEndpointRouteBuilder routes) => routes.MapOpenApi().AllowAnonymous();

    public static void UseDocumentation(this IApplicationBuilder app) => app.UseSwaggerUI(page =>
    {
        page.RoutePrefix = "docs";
        page.DocumentTitle = "TaskTracker";
        page.SwaggerEndpoint("/openapi/v1.json", "TaskTracker v1");
    });
}
