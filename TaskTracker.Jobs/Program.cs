using TaskTracker.Data;
using TaskTracker.Data.Caching;
using TaskTracker.Data.DataProtection;
using TaskTracker.Data.Logging;
using TaskTracker.Jobs.Caching;
using TaskTracker.Jobs.Cleanup;
using TaskTracker.Jobs.Deliveries;
using TaskTracker.Jobs.Operations;
using TaskTracker.Jobs.Overdue;
using TaskTracker.Jobs.Reminders;
using TaskTracker.Jobs.Scheduling;
using TaskTracker.Jobs.Schema;
using TaskTracker.Jobs.Statistics;
using TaskTracker.ServiceDefaults;

if (args is [HealthProbe.Argument])
{
    return await HealthProbe.RunAsync();
}

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults();
builder.AddTaskTrackerData(worksOnQueues: true);
builder.AddLogLevelSwitch("jobs");
builder.AddTaskTrackerCache();
builder.AddSharedKeys();

// Hosted services start in this order: nothing runs before the schema is there.
builder.AddSchemaMigrator();
builder.AddScheduler();
builder.AddReminders();
builder.AddOverdueCheck();
builder.AddStatistics();
builder.AddCleanup();
builder.Services.AddHostedService<CacheWatch>();
builder.AddDeliveries();
builder.AddOperations();
builder.Services.ReadKeysWhenNeeded();

var app = builder.Build();

app.MapDefaultEndpoints();

app.Run();
return 0;
