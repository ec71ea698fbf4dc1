using TaskTracker.Api;
using TaskTracker.Api.Accounts;
using TaskTracker.Api.BulkUpdates;
using TaskTracker.Api.Caching;
using TaskTracker.Api.Errors;
using TaskTracker.Api.Exports;
using TaskTracker.Api.Health;
using TaskTracker.Api.Http;
using TaskTracker.Api.Json;
using TaskTracker.Api.Notifications;
using TaskTracker.Api.Operations;
using TaskTracker.Api.Operators;
using TaskTracker.Api.Statistics;
using TaskTracker.Api.Tasks;
using TaskTracker.Api.WebPage;
using TaskTracker.Data;
using TaskTracker.Data.DataProtection;
using TaskTracker.Data.Logging;
using TaskTracker.ServiceDefaults;

if (args is [OperatorsCommand.Name, ..])
{
    return await OperatorsCommand.RunAsync(args, Console.Out, Console.Error);
}

if (args is [HealthProbe.Argument])
{
    return await HealthProbe.RunAsync();
}

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults();
builder.AddDrain();
builder.AddEdge();
builder.AddRateLimits();
builder.AddTaskTrackerData();
builder.AddLogLevelSwitch("api");
builder.AddCaching();
builder.AddAccounts();
builder.Services.AddJsonFormat();
builder.Services.AddRefusals();
builder.Services.AddDocumentation();
builder.Services.AddTasks();
builder.AddOperations();
builder.AddOperators();
builder.AddNotifications();
builder.Services.AddHealth();
builder.Services.ReadKeysWhenNeeded();

var app = builder.Build();

app.UseEdge();
app.UseNearAnswers();
app.UseRefusals();
app.UseTargetLimit();
app.UseReadableBodies();
app.UseDocumentation();
app.UseRouting();
app.UseCors();
app.UseRefusalsOfRouting();
app.UseAuthentication();
app.UseUserSpans();
app.UseRateLimiter();
app.UseAuthorization();
app.UseOutputCache();

app.MapWebPage();
app.MapDocumentation();
app.MapHealth();
app.MapCacheStatus();
app.MapAccounts();
app.MapTasks();
app.MapStatistics();
app.MapNotifications();
app.MapExports();
app.MapBulkUpdates();
app.MapOperations();
app.MapOperators();

app.Run();
return 0;
