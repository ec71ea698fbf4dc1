using Quartz;
using TaskTracker.Data;

namespace TaskTracker.Jobs.Reminders;

/// <summary>Registers <c>send_task_reminder</c> and what it needs.</summary>
internal static class ReminderServices
{
    public static void AddReminders(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReminderTelemetry>();
        builder.Services.AddScoped<ReminderDelivery>();
        builder.Services.AddSingleton<ReminderWake>();
        builder.Services.AddHostedService<ReminderWatch>();

        builder.AddQuartz(quartz => quartz.AddJob<SendTaskReminderJob>(job => job
            .WithIdentity(JobKeys.SendTaskReminder)
            .WithDescription("Delivers the reminders that are due.")
            .StoreDurably()
            .RequestRecovery()));
        builder.Services.AddSingleton(_ => TriggerBuilder.Create()
            .WithIdentity("reminder-look", JobKeys.TriggerGroupOf(JobKeys.SendTaskReminder))
            .WithDescription("Looks for due reminders even if no commit said so.")
            .ForJob(JobKeys.SendTaskReminder)
            .WithSimpleSchedule(WakeUp.RegularLook, null)
            .Build());
    }
}
