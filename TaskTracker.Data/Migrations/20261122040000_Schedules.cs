using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>What the scheduled jobs look for: statistics that a deadline has made wrong, overdue tasks, old notifications.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261122040000_Schedules")]
public sealed class Schedules : Migration
{
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        create index task_statistics_next_deadline on task_statistics (next_deadline) where next_deadline is not null;
        create index tasks_open_deadline on tasks (deadline, id) where not completed and deadline is not null;
        create index notifications_created_at on notifications (created_at, id);
        """);

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        "drop index notifications_created_at, tasks_open_deadline, task_statistics_next_deadline;");
}
