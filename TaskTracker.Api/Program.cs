using TaskTracker.Api;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.BulkUpdates;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Errors;
using TaskTracker.Api.Exports;
using TaskTracker.Api.Health;
using TaskTracker.Api.Json;
using TaskTracker.Api.Notifications;
using TaskTracker.Api.Operations;
using TaskTracker.Api.Tasks;
using TaskTracker.Data;
using TaskTracker.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults();
builder.AddTaskTrackerData();
builder.AddCaching();
builder.AddAccounts();
builder.Services.AddJsonFormat();
builder.Services.AddRefusals();
builder.Services.AddDocumentation();
builder.Services.AddTasks();
builder.AddOperations();
builder.Services.AddHealth();

var app = builder.Build();

app.UseRefusals();
app.MapDocumentation();
app.UseAuthentication();
app.UseAuthorization();
app.UseOutputCache();

app.MapHealth();
app.MapAccounts();
app.MapTasks();
app.MapNotifications();
app.MapExports();
app.MapBulkUpdates();
app.MapOperations();

app.Run();
