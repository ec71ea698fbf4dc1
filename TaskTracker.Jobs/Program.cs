using TaskTracker.Data;
using TaskTracker.Jobs.Reminders;
using TaskTracker.Jobs.Scheduling;
using TaskTracker.Jobs.Schema;

var builder = WebApplication.CreateBuilder(args);

builder.AddTaskTrackerData();

// Hosted services start in this order: nothing runs before the schema is there.
builder.AddSchemaMigrator();
builder.AddScheduler();
builder.AddReminders();

var app = builder.Build();

app.MapHealthChecks("/health");

app.Run();
