using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;

namespace TaskTracker.Api;

/// <summary>The OpenAPI document and the page over it, which needs nothing from elsewhere.</summary>
internal static class Documentation
{
    private const string Scheme = BearerTokenDefaults.AuthenticationScheme;

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
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            if (!context.Description.ActionDescriptor.EndpointMetadata.OfType<IAllowAnonymous>().Any())
            {
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Scheme, context.Document)] = [] }];
            }

            return Task.CompletedTask;
        });
    });

    public static void MapDocumentation(this WebApplication app)
    {
        app.MapOpenApi().AllowAnonymous();
        app.UseSwaggerUI(page =>
        {
            page.RoutePrefix = "docs";
            page.DocumentTitle = "TaskTracker";
            page.SwaggerEndpoint("/openapi/v1.json", "TaskTracker v1");
        });
    }
}
